/** What a candidate's parameters are, in words that a record can hold. */
export type CandidateSpec =
  /** The drifted model as it is. */
  | { readonly kind: "keep" }
  /** An ancestor as it is, with its own graph and integer tensors. */
  | { readonly kind: "ancestor"; readonly id: string }
  /** drifted + scale * (ancestor - drifted). */
  | { readonly kind: "blend"; readonly ancestor: string; readonly scale: number }
  /** The scale goes evenly from the first layer's to the last one's. */
  | { readonly kind: "ramp"; readonly ancestor: string; readonly first: number; readonly last: number }
  /** A scale for each group of neighbouring layers, in the order of depth. */
  | { readonly kind: "groups"; readonly ancestor: string; readonly scales: readonly number[] }
  /** drifted + the sum of weight * (ancestor - drifted). */
  | { readonly kind: "combination"; readonly terms: readonly CombinationTerm[] }
  /** That candidate, with batch norm's running statistics measured on the live data. */
  | { readonly kind: "recalibrated"; readonly of: PlainSpec };

export type PlainSpec = Exclude<CandidateSpec, { kind: "recalibrated" }>;

export interface CombinationTerm {
  readonly ancestor: string;
  readonly weight: number;
}

/** One text for equal candidates. */
export function keyOf(spec: CandidateSpec): string {
  switch (spec.kind) {
    case "keep":
      return "keep";
    case "ancestor":
      return `ancestor ${spec.id}`;
    case "blend":
      return `blend ${spec.ancestor} ${spec.scale}`;
    case "ramp":
      return `ramp ${spec.ancestor} ${spec.first} ${spec.last}`;
    case "groups":
      return `groups ${spec.ancestor} ${spec.scales.join(" ")}`;
    case "combination":
      return `combination ${spec.terms.map(({ ancestor, weight }) => `${ancestor} ${weight}`).join(" ")}`;
    case "recalibrated":
      return `recalibrated ${keyOf(spec.of)}`;
  }
}

/** For messages and files' names. */
export function nameOf(spec: CandidateSpec): string {
  switch (spec.kind) {
    case "keep":
      return "the deployed model";
    case "ancestor":
      return `ancestor ${spec.id.slice(0, 12)}`;
    case "blend":
      return `scale ${spec.scale}`;
    case "ramp":
      return `scales from ${spec.first} to ${spec.last}`;
    case "groups":
      return `scales ${spec.scales.join(", ")}`;
    case "combination":
      return `weights ${spec.terms.map(({ weight }) => weight).join(", ")}`;
    case "recalibrated":
      return `${nameOf(spec.of)}, recalibrated`;
  }
}

export function plainOf(spec: CandidateSpec): PlainSpec {
  return spec.kind === "recalibrated" ? spec.of : spec;
}

/** The place of a candidate on the way from keep (0) to the ancestor (1); null where it has none. Of a recalibrated blend the blend's. */
export function scaleOf(spec: CandidateSpec, ancestor: string): number | null {
  if (spec.kind === "keep") return 0;
  if (spec.kind === "ancestor") return spec.id === ancestor ? 1 : null;
  const plain = plainOf(spec);
  return plain.kind === "blend" && plain.ancestor === ancestor ? plain.scale : null;
}

/** Ids of the ancestors that it is made of. */
export function ancestorsOf(spec: CandidateSpec): readonly string[] {
  const plain = plainOf(spec);
  if (plain.kind === "keep") return [];
  if (plain.kind === "ancestor") return [plain.id];
  return plain.kind === "combination" ? plain.terms.map(({ ancestor }) => ancestor) : [plain.ancestor];
}
