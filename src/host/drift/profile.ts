/**
 * The reference profile: what a model was trained on, per feature, in whole numbers and frozen edges. Its canonical bytes' sha256 is
 * the training-data signature.
 *
 * Canonical bytes: JSON with object keys in code-unit order, no white space, numbers in their shortest round-trip form (what
 * JSON.stringify writes), whole numbers of 64-bit columns beyond 2^53 as strings. After RFC 8785.
 */
import { createHash } from "node:crypto";
import { MendlineError, messageOf } from "../../errors.js";
import { binsMax, categoriesMax, columnsMax, edgesMax } from "../../limits.js";
import { type Logical, logicals } from "../columns/column.js";
import { isWideInteger, type NumericType, numericTypes } from "../kernels/types.js";
import { expect, finite, text, whole } from "./checked-json.js";
import { type Edge, edgeInType, edgeToJson } from "./edges.js";
import { decodeHashes, encodeHashes } from "./name-hashes.js";

/** Over the present, finite values. M2 to M4 are sums of powers of the deviations from the mean; null beyond the largest double. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly m2: number | null;
  readonly m3: number | null;
  readonly m4: number | null;
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
  /** The categories folded into `other`; null when nothing was folded. */
  readonly other: {
    /** Rows. */
    readonly count: number;
    /** Different names, and how many of them, the most frequent, are known by their hashes: 9,800 at most. */
    readonly kinds: number;
    readonly known: number;
    /** Ascending, 24 bits each (name-hashes.ts). */
    readonly hashes: readonly number[];
  } | null;
}

export type FeatureProfile = NumericFeatureProfile | CategoricalFeatureProfile;

export interface Profile {
  readonly rows: number;
  readonly features: ReadonlyMap<string, FeatureProfile>;
}

/** Whether another profile has these features (all of one's own, if left out) by the same kinds, so that one count serves both. */
export function sharesFeatures(own: Profile, other: Profile, names?: readonly string[]): boolean {
  return [...(names ?? own.features.keys())].every((name) => {
    const feature = own.features.get(name);
    return feature !== undefined && other.features.get(name)?.kind === feature.kind;
  });
}

const formatName = "profile";
/** 2: folded names as hashes. */
const formatVersion = 2;

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
    checkVersion(document.version, label);
    const rows = whole(document.rows, "rows");
    const list = document.features as Record<string, unknown>[];
    expect(list.length <= columnsMax, `${list.length} features, the limit is ${columnsMax}`);
    const features = new Map(list.map((feature) => [text(feature.name), featureFromJson(feature, rows)]));
    expect(features.size === list.length, "a feature's name stands twice");
    return { rows, features };
  } catch (cause) {
    if (cause instanceof MendlineError) throw cause;
    throw new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${label}: damaged profile: ${messageOf(cause)}; make it again with \`mendline profile\``,
      {
        cause,
      },
    );
  }
}

/** Another format is no damage. An older one is refused, too: written again, its bytes would have another signature. */
function checkVersion(version: unknown, label: string): void {
  if (version === formatVersion) return;
  const remedy =
    whole(version, "version") < formatVersion
      ? "make it again from the training data with `mendline profile`"
      : "read it with the mendline that wrote it, or make it again with `mendline profile`";
  throw new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label}: a profile of format ${version}, this mendline reads ${formatVersion}; ${remedy}`,
  );
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
  if (feature.kind === "categorical") {
    const { other } = feature;
    if (other === null) return feature;
    return {
      ...feature,
      other: { ...other, hashes: encodeHashes(other.hashes), hashCount: other.hashes.length },
    };
  }
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
  expect(feature.missing <= rows, `${feature.missing} of ${rows} rows are missing`);
  return feature;
}

function numericFromJson(json: Record<string, unknown>): NumericFeatureProfile {
  const type = json.type as NumericType;
  expect(numericTypes.includes(type), `type ${String(json.type)}`);
  const rows = whole(json.rows, "rows");
  const missing = whole(json.missing, "missing");
  const nonFinite = whole(json.nonFinite, "nonFinite");
  const moments = momentsFromJson(json.moments as Record<keyof Moments, unknown>);
  expect(moments.count === rows - missing - nonFinite, `${moments.count} finite values of ${rows} rows`);
  const bins = whole(json.bins, "bins");
  expect(bins >= 2 && bins <= binsMax, `${bins} bins`);
  const psi = histogramFromJson(json.psi, type, rows - missing);
  const ks = histogramFromJson(json.ks, type, rows - missing);
  return {
    kind: "numeric",
    logical: logicalFromJson(json.logical, false),
    type,
    rows,
    missing,
    nonFinite,
    moments,
    bins,
    psi,
    ks,
  };
}

function momentsFromJson(json: Record<keyof Moments, unknown>): Moments {
  const count = whole(json.count, "moments.count");
  const power = (value: unknown) => (value === null ? null : finite(value));
  const extremes =
    count === 0
      ? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
      : { min: finite(json.min), max: finite(json.max) };
  return {
    count,
    mean: finite(json.mean),
    m2: power(json.m2),
    m3: power(json.m3),
    m4: power(json.m4),
    ...extremes,
  };
}

function logicalFromJson(value: unknown, isText: boolean): Logical {
  expect(
    logicals.includes(value as Logical) && (value === "text") === isText,
    `a column of ${String(value)}`,
  );
  return value as Logical;
}

function histogramFromJson(json: unknown, type: NumericType, present: number): Histogram {
  const { edges, counts } = json as { edges: (number | string)[]; counts: number[] };
  expect(
    edges.length <= edgesMax && counts.length === edges.length + 1,
    `${edges.length} edges, ${counts.length} counts`,
  );
  const parsed = edges.map((edge) => edgeFromJson(edge, type));
  expect(
    parsed.every((edge, i) => i === 0 || parsed[i - 1]! < edge),
    "edges out of order",
  );
  const sum = counts.reduce((total, count) => total + whole(count, "count"), 0);
  expect(sum === present, `counts add up to ${sum}, not ${present}`);
  return { edges: parsed, counts };
}

/** Only as `edgeToJson` writes it, and only what a column of the type can hold. */
function edgeFromJson(json: unknown, type: NumericType): Edge {
  const edge = isWideInteger(type) ? BigInt(json as number | string) : finite(json);
  expect(edgeToJson(edge) === json && edgeInType(edge, type) === edge, `an edge ${String(json)} of ${type}`);
  return edge;
}

function categoricalFromJson(json: Record<string, unknown>): CategoricalFeatureProfile {
  expect(json.kind === "categorical", `kind ${String(json.kind)}`);
  const categories = texts(json.categories);
  const counts = (json.counts as unknown[]).map((count) => whole(count, "count"));
  expect(categories.length === counts.length, `${categories.length} categories, ${counts.length} counts`);
  const other = otherFromJson(json.other);
  expect(new Set(categories).size === categories.length, "a category stands twice");
  const rows = whole(json.rows, "rows");
  const missing = whole(json.missing, "missing");
  const sum = counts.reduce((total, count) => total + count, missing + (other?.count ?? 0));
  expect(sum === rows, `counts add up to ${sum}, not ${rows}`);
  return {
    kind: "categorical",
    logical: logicalFromJson(json.logical, true),
    rows,
    missing,
    categories,
    counts,
    other,
  };
}

function otherFromJson(value: unknown): CategoricalFeatureProfile["other"] {
  if (value === null) return null;
  const json = value as Record<"count" | "kinds" | "known" | "hashCount" | "hashes", unknown>;
  const [kinds, known] = [whole(json.kinds, "kinds"), whole(json.known, "known")];
  const hashes = decodeHashes(text(json.hashes), whole(json.hashCount, "hashCount"));
  // Names may share a hash.
  expect(hashes.length <= known && known <= kinds, `${hashes.length} hashes of ${known} of ${kinds} names`);
  return { count: whole(json.count, "other"), kinds, known, hashes };
}

function texts(value: unknown): string[] {
  expect(Array.isArray(value) && value.length <= categoriesMax, "a list of names");
  return (value as unknown[]).map(text);
}
