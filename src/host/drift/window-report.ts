/** What a closed window says: the drift of the model's inputs, of its predictions, of its ancestors and of its segments, on the same counts. */
import { MendlineError } from "../../errors.js";
import { monitorAncestorsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { fieldOf } from "./compare.js";
import { counterFor } from "./counter.js";
import type { MonitorIdentity } from "./monitor-state.js";
import { canonicalJson, type FeatureProfile, type Profile, profileSignature } from "./profile.js";
import { type DriftReport, driftReport, totalPsi, type Verdict } from "./report.js";
import { checkedDriftOptions, type DriftOptions } from "./rules.js";
import { type SegmentOptions, Segments } from "./segments.js";
import { type AlarmChange, eitherVerdict, type TriggerOptions, type TriggerSource } from "./trigger.js";
import type { ClosedWindow, FeatureCounts, SegmentCounts } from "./window.js";
import type { CountedFeature } from "./window-counter.js";

/** A model and what it was trained on. */
export interface Watched {
  readonly id: string;
  /** name@version. */
  readonly label: string;
  readonly profile: Profile;
}

/** The model's own predictions, as columns beside its inputs. */
export interface PredictionOptions {
  /** Of predictions made where the model was known to be good: those for its validation data, say. */
  readonly profile: Profile;
  /** Of the profile; all by default. */
  readonly columns?: readonly string[];
  /** How they are judged; as the inputs are, without `perFeature`, by default. */
  readonly drift?: DriftOptions;
}

export interface AncestorReport {
  readonly id: string;
  readonly label: string;
  readonly verdict: DriftReport["verdict"];
  /** Sum of the features' debiased PSI: for ranking. */
  readonly totalPsi: number;
  readonly report: DriftReport;
}

export interface SegmentReport {
  /** The category; null for the rows of the other two kinds. */
  readonly name: string | null;
  /** Rows of a category of its own, of all others together, or without a value. */
  readonly kind: "named" | "other" | "missing";
  readonly rowCount: number;
  /** What it is compared with: its own part of the training data, where there is a profile of it, or all of it. */
  readonly reference: "segment" | "whole";
  readonly verdict: DriftReport["verdict"];
  readonly totalPsi: number;
  /** Without the column that tells the segments apart. */
  readonly report: DriftReport;
}

export interface WindowReport extends AlarmChange {
  readonly model: string;
  readonly window: {
    /** From 0. */
    readonly number: number;
    /** Position of the first row; null for windows by time. */
    readonly fromRow: number | null;
    /** Event time, [fromMs, toMs); null for windows by rows. */
    readonly fromMs: number | null;
    readonly toMs: number | null;
    readonly rowCount: number;
    /**
     * Rows that are in no window, since the window before: too late for theirs; so far ahead of all others that no pane was kept for
     * them; without a time.
     */
    readonly lateRows: number;
    readonly earlyRows: number;
    readonly untimedRows: number;
    /** Windows without a row, since the window before: they are not reported. */
    readonly emptyBefore: number;
    /** When it was closed, by this machine's clock. */
    readonly closedMs: number;
  };
  readonly report: DriftReport;
  /** On the same counts: no second look at the data. */
  readonly ancestors: readonly AncestorReport[];
  readonly predictions: DriftReport | null;
  /** Those that have rows; empty where none are told apart. */
  readonly segments: readonly SegmentReport[];
}

export interface WindowJudgeOptions extends DriftOptions {
  /** Features to watch; all of the profile's by default. */
  readonly features?: readonly string[];
  readonly predictions?: PredictionOptions;
  readonly segments?: SegmentOptions;
  readonly trigger?: TriggerOptions;
}

/** Features of one profile, and where their counts stand. */
interface Part {
  readonly profile: Profile;
  readonly places: readonly number[];
  readonly options: DriftOptions;
}

export class WindowJudge {
  /** What has to be counted: inputs, then predictions. */
  readonly features: readonly CountedFeature[];
  readonly segments: Segments | null;
  readonly #runtime: Runtime;
  readonly #model: Watched;
  readonly #ancestors: readonly Watched[];
  readonly #options: WindowJudgeOptions;
  readonly #inputs: Part;
  readonly #predictions: Part | null;
  readonly #source: TriggerSource;
  readonly #clearBelow: DriftOptions;

  /** @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_SCHEMA, MENDLINE_DATA_LIMIT */
  constructor(runtime: Runtime, model: Watched, ancestors: readonly Watched[], options: WindowJudgeOptions) {
    if (ancestors.length > monitorAncestorsMax) {
      throw invalid(`${ancestors.length} ancestors to watch, the limit is ${monitorAncestorsMax}`);
    }
    this.#runtime = runtime;
    this.#model = model;
    this.#ancestors = ancestors;
    this.#options = options;
    const { segments, predictions } = options;
    const inputs = namesOf(model.profile, options.features, model.label);
    checkedDriftOptions(options, inputs);
    this.segments = segments === undefined ? null : new Segments(segments, model.profile);
    if (segments !== undefined && inputs.every((name) => name === segments.column))
      throw invalid(`no features to watch beside "${segments.column}", which tells the segments apart`);
    const others = [...ancestors.map(({ profile }) => profile), ...(segments?.profiles?.values() ?? [])];
    const features = inputs.map((name) => this.#feature(name, model.profile, others));
    this.#inputs = { profile: model.profile, places: places(features.length, 0), options };
    this.#predictions = null;
    if (predictions !== undefined) {
      const { profile, drift = { ...options, perFeature: {} } } = predictions;
      const outputs = namesOf(profile, predictions.columns, "the profile of predictions");
      checkedDriftOptions(drift, outputs);
      this.#predictions = { profile, places: places(outputs.length, features.length), options: drift };
      features.push(...outputs.map((name) => this.#feature(name, profile, [])));
    }
    this.features = features;
    assertKindsAgree(features);
    const { of = "inputs", clearBelow = {} } = options.trigger ?? {};
    if (of !== "inputs" && predictions === undefined)
      throw invalid(`the trigger goes by ${of}, and no predictions are watched: give their profile`);
    checkedDriftOptions({ ...options, ...clearBelow }, inputs);
    this.#source = of;
    this.#clearBelow = clearBelow;
  }

  /** What its counts are over, by what it is about: those of two judges add up where all of it is the same. */
  get identity(): MonitorIdentity {
    const { segments } = this.#options;
    const signatures = (profiles: Iterable<Profile>) => Array.from(profiles, profileSignature).join(" ");
    const own = this.#predictions === null ? [] : [this.#predictions.profile];
    return {
      model: this.#model.id,
      profile: profileSignature(this.#model.profile),
      ancestors: signatures(this.#ancestors.map(({ profile }) => profile)),
      features: canonicalJson(this.features.map(({ field }) => field.name)),
      predictions: signatures(own),
      segments: this.segments === null ? "" : canonicalJson([this.segments.column, ...this.segments.names]),
      "segments' profiles": signatures(segments?.profiles?.values() ?? []),
    };
  }

  /** @param closedMs  the time of day */
  judge(closed: ClosedWindow, closedMs: number): Omit<WindowReport, keyof AlarmChange> {
    const { number, fromRow, fromMs, toMs, rowCount, counts, setAside, emptyBefore } = closed;
    return {
      model: this.#model.id,
      window: { number, fromRow, fromMs, toMs, rowCount, ...setAside, emptyBefore, closedMs },
      report: this.#report(this.#inputs, counts, rowCount),
      ancestors: this.#ancestors.map(({ id, label, profile }) => {
        const report = this.#report({ ...this.#inputs, profile }, counts, rowCount);
        return { id, label, verdict: report.verdict, totalPsi: totalPsi(report), report };
      }),
      predictions: this.#predictions === null ? null : this.#report(this.#predictions, counts, rowCount),
      segments: closed.segments.map((segment) => this.#segment(segment)),
    };
  }

  /** The verdict that the trigger goes by. */
  verdictOf({ report, predictions }: Pick<WindowReport, "report" | "predictions">): Verdict {
    if (this.#source === "inputs") return report.verdict;
    const verdict = predictions!.verdict;
    return this.#source === "predictions" ? verdict : eitherVerdict([report.verdict, verdict]);
  }

  /** The same where a window is judged by what clears an alarm. */
  clearingVerdict({ counts, rowCount }: ClosedWindow): Verdict {
    const [report, predictions] = [this.#inputs, this.#predictions].map((part) =>
      part === null
        ? null
        : this.#report({ ...part, options: { ...part.options, ...this.#clearBelow } }, counts, rowCount),
    );
    return this.verdictOf({ report: report!, predictions: predictions! });
  }

  #segment({ segment, rowCount, counts }: SegmentCounts): SegmentReport {
    const { names, otherSlot, column } = this.segments!;
    const name = names[segment] ?? null;
    const own = name === null ? undefined : this.#options.segments!.profiles?.get(name);
    const places = this.#inputs.places.filter((place) => this.features[place]!.field.name !== column);
    const part = { ...this.#inputs, places, profile: own ?? this.#model.profile };
    const report = this.#report(part, counts, rowCount);
    return {
      name,
      kind: name !== null ? "named" : segment === otherSlot ? "other" : "missing",
      rowCount,
      reference: own === undefined ? "whole" : "segment",
      verdict: report.verdict,
      totalPsi: totalPsi(report),
      report,
    };
  }

  /** Of those of the part's features that its profile knows. */
  #report({ profile, places, options }: Part, counts: FeatureCounts, rowCount: number): DriftReport {
    const comparisons = places.flatMap((place) => {
      const { counter } = this.features[place]!;
      const feature = profile.features.get(counter.name);
      if (feature === undefined) return [];
      return [{ name: counter.name, profile: feature, current: counter.binsFor(feature, counts[place]!) }];
    });
    const rows = { reference: profile.rows, current: rowCount };
    return driftReport(this.#runtime, comparisons, rows, options);
  }

  /** Counted over the merged grids of its own profile, which comes first, and of the others that know it. */
  #feature(name: string, own: Profile, others: readonly Profile[]): CountedFeature {
    const profiles: FeatureProfile[] = [own, ...others].flatMap(({ features }) => features.get(name) ?? []);
    return { field: fieldOf(name, profiles[0]!), counter: counterFor(this.#runtime, name, profiles) };
  }
}

function places(count: number, from: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

function namesOf(profile: Profile, chosen: readonly string[] | undefined, label: string): string[] {
  const names = [...new Set(chosen ?? profile.features.keys())];
  if (names.length === 0) throw invalid(`no features of ${label} to watch`);
  const unknown = names.find((name) => !profile.features.has(name));
  if (unknown === undefined) return names;
  const known = [...profile.features.keys()].slice(0, 12).join(", ");
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${label} was not trained on "${unknown}"; its profile has ${known}`,
  );
}

/** One column cannot be read as numbers for one profile and as categories for another, nor as f32 and as more. */
function assertKindsAgree(features: readonly CountedFeature[]): void {
  const types = new Map<string, string>();
  for (const { field } of features) {
    const type = field.type === null ? "categories" : field.type === "f32" ? "f32" : "numbers";
    const known = types.get(field.name) ?? type;
    if (known !== type) {
      throw new MendlineError(
        "MENDLINE_DATA_SCHEMA",
        `"${field.name}" holds ${known} as an input and ${type} as a prediction: give one of them another name`,
      );
    }
    types.set(field.name, type);
  }
}

function invalid(what: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", what);
}
