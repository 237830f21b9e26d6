/**
 * The reference profile: what a model was trained on, per feature, in whole numbers and frozen edges. Its canonical bytes' sha256 is
 * the training-data signature.
 *
 * Canonical bytes: JSON with object keys in code-unit order, no white space, numbers in their shortest round-trip form (what
 * JSON.stringify writes), whole numbers of 64-bit columns beyond 2^53 as strings. After RFC 8785.
 */
import { createHash } from "node:crypto";
import { MendlineError, messageOf } from "../../errors.js";
import { binsMax, categoryNamesMax, columnsMax, edgesMax } from "../../limits.js";
import type { Logical } from "../columns/column.js";
import { isWideInteger, type NumericType, numericTypes } from "../kernels/types.js";
import { type Edge, edgeToJson } from "./edges.js";

/** Over the present, finite values. M2 to M4 are sums of powers of the deviations from the mean. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly m2: number;
  readonly m3: number;
  readonly m4: number;
  readonly min: number;
  readonly max: number;
}

export interface Histogram {
  readonly edges: readonly Edge[];
  /** edges.length + 1 value bins. */
  readonly counts: readonly number[];
}

interface FeatureCommon {
  readonly logical: Logical;
  /** All rows: the sum of the slots. */
  readonly rows: number;
  readonly missing: number;
}

export interface NumericFeatureProfile extends FeatureCommon {
  readonly kind: "numeric";
  readonly type: NumericType;
  readonly nonFinite: number;
  readonly moments: Moments;
  /** The bins of PSI and KL: quantiles asked for, 10 by default. */
  readonly bins: number;
  readonly psi: Histogram;
  /** The Kolmogorov-Smirnov grid: 256 quantiles. */
  readonly ks: Histogram;
}

export interface CategoricalFeatureProfile extends FeatureCommon {
  readonly kind: "categorical";
  /** Falling count, ties by UTF-8 bytes; the 200 most frequent. */
  readonly categories: readonly string[];
  readonly counts: readonly number[];
  /** Rows and names of the categories folded into `other`; null when nothing was folded. */
  readonly other: {
    readonly count: number;
    readonly kinds: number;
    readonly names: readonly string[];
  } | null;
}

export type FeatureProfile = NumericFeatureProfile | CategoricalFeatureProfile;

export interface Profile {
  readonly rows: number;
  readonly features: ReadonlyMap<string, FeatureProfile>;
}

const formatName = "profile";
const formatVersion = 1;

export function profileToBytes(profile: Profile): Uint8Array {
  // A list, not an object: feature order is the model's input order, and no name can be mistaken for a property.
  const features = Array.from(profile.features, ([name, feature]) => ({ ...featureToJson(feature), name }));
  const document = { features, mendline: formatName, rows: profile.rows, version: formatVersion };
  return new TextEncoder().encode(canonicalJson(document));
}

/** sha256 of the canonical bytes, hex: the training-data signature. */
export function profileSignature(profile: Profile): string {
  return createHash("sha256").update(profileToBytes(profile)).digest("hex");
}

/** Whether bytes begin like a serialised profile. */
export function looksLikeProfile(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, 13)).toString("latin1") === '{"features":[';
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED  not a profile, or one that contradicts itself */
export function profileFromBytes(bytes: Uint8Array, label: string): Profile {
  try {
    const document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Record<
      string,
      unknown
    >;
    expect(document.mendline === formatName, "it is not a mendline profile");
    expect(
      document.version === formatVersion,
      `its version is ${String(document.version)}, this mendline reads ${formatVersion}`,
    );
    const rows = whole(document.rows, "rows");
    const list = document.features as Record<string, unknown>[];
    expect(list.length <= columnsMax, `${list.length} features, the limit is ${columnsMax}`);
    const features = new Map(list.map((feature) => [String(feature.name), featureFromJson(feature, rows)]));
    expect(features.size === list.length, "a feature's name stands twice");
    return { rows, features };
  } catch (cause) {
    throw new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${label}: damaged profile: ${messageOf(cause)}; make it again with \`mendline profile\``,
      {
        cause,
      },
    );
  }
}

/** Object keys sorted, arrays in order, bigint as decimal text. */
export function canonicalJson(value: unknown): string {
  if (typeof value === "bigint") return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(",")}}`;
}

function featureToJson(feature: FeatureProfile): object {
  if (feature.kind === "categorical") return feature;
  const { moments } = feature;
  // JSON has no infinities: a column without finite values has no extremes.
  const extremes = moments.count === 0 ? { min: null, max: null } : { min: moments.min, max: moments.max };
  const histogram = ({ edges, counts }: Histogram) => ({ edges: edges.map(edgeToJson), counts });
  return {
    ...feature,
    moments: { ...moments, ...extremes },
    psi: histogram(feature.psi),
    ks: histogram(feature.ks),
  };
}

function featureFromJson(json: Record<string, unknown>, rows: number): FeatureProfile {
  const feature = json.kind === "numeric" ? numericFromJson(json) : categoricalFromJson(json);
  expect(feature.rows === rows, "a feature's rows differ from the profile's");
  return feature;
}

function numericFromJson(json: Record<string, unknown>): NumericFeatureProfile {
  const type = json.type as NumericType;
  expect(numericTypes.includes(type), `type ${String(json.type)}`);
  const rows = whole(json.rows, "rows");
  const missing = whole(json.missing, "missing");
  const moments = json.moments as Record<keyof Moments, number | null>;
  const bins = whole(json.bins, "bins");
  expect(bins >= 2 && bins <= binsMax, `${bins} bins`);
  const psi = histogramFromJson(json.psi, type, rows - missing);
  const ks = histogramFromJson(json.ks, type, rows - missing);
  return {
    kind: "numeric",
    logical: json.logical as Logical,
    type,
    rows,
    missing,
    nonFinite: whole(json.nonFinite, "nonFinite"),
    moments: {
      count: whole(moments.count, "moments.count"),
      mean: number(moments.mean),
      m2: number(moments.m2),
      m3: number(moments.m3),
      m4: number(moments.m4),
      min: moments.min ?? Number.POSITIVE_INFINITY,
      max: moments.max ?? Number.NEGATIVE_INFINITY,
    },
    bins,
    psi,
    ks,
  };
}

function histogramFromJson(json: unknown, type: NumericType, present: number): Histogram {
  const { edges, counts } = json as { edges: (number | string)[]; counts: number[] };
  expect(
    edges.length <= edgesMax && counts.length === edges.length + 1,
    `${edges.length} edges, ${counts.length} counts`,
  );
  const parsed = edges.map((edge): Edge => (isWideInteger(type) ? BigInt(edge) : number(edge)));
  expect(
    parsed.every((edge, i) => i === 0 || parsed[i - 1]! < edge),
    "edges out of order",
  );
  const sum = counts.reduce((total, count) => total + whole(count, "count"), 0);
  expect(sum === present, `counts add up to ${sum}, not ${present}`);
  return { edges: parsed, counts };
}

function categoricalFromJson(json: Record<string, unknown>): CategoricalFeatureProfile {
  expect(json.kind === "categorical", `kind ${String(json.kind)}`);
  const categories = texts(json.categories);
  const counts = (json.counts as unknown[]).map((count) => whole(count, "count"));
  expect(categories.length === counts.length, `${categories.length} categories, ${counts.length} counts`);
  const other = json.other as { count: unknown; kinds: unknown; names: unknown } | null;
  return {
    kind: "categorical",
    logical: json.logical as Logical,
    rows: whole(json.rows, "rows"),
    missing: whole(json.missing, "missing"),
    categories,
    counts,
    other:
      other === null
        ? null
        : {
            count: whole(other.count, "other"),
            kinds: whole(other.kinds, "kinds"),
            names: texts(other.names),
          },
  };
}

function texts(value: unknown): string[] {
  expect(Array.isArray(value) && value.length <= categoryNamesMax, "a list of names");
  return (value as unknown[]).map((name) => {
    expect(typeof name === "string", "a name is no text");
    return name as string;
  });
}

function whole(value: unknown, what: string): number {
  expect(Number.isSafeInteger(value) && (value as number) >= 0, `${what} is ${String(value)}`);
  return value as number;
}

function number(value: unknown): number {
  expect(typeof value === "number", `${String(value)} is no number`);
  return value as number;
}

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}
