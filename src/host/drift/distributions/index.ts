/** The probability distributions behind the drift statistics. Definitions: DESIGN section 4; accuracy: test/fixtures/golden. */
export { benjaminiHochberg } from "./benjamini-hochberg.js";
export { chi2Isf, chi2Sf, ncx2Sf } from "./chi-square.js";
export { smallestDetectablePsi } from "./detectable-psi.js";
export { mcnemarExact } from "./discrete.js";
export { kstwoSf } from "./kolmogorov.js";
export { effectiveSampleSize, type KsPValue, ksPValue, ksTwoSampleSf } from "./ks-two-sample.js";
export { normalIsf, normalSf } from "./normal.js";
export { fSf, studentTIsf, studentTSf } from "./student-t.js";
