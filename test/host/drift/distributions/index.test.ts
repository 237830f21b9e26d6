import { test } from "uvu";
import * as assert from "uvu/assert";
import * as distributions from "../../../../src/host/drift/distributions/index.js";
import { goldenSections } from "./golden.js";

test("every section of the golden file has a function, and a test file of this folder that holds it", () => {
  const functions: Record<string, unknown> = {
    chi2Sf: distributions.chi2Sf,
    ncx2Sf: distributions.ncx2Sf,
    kstwoSf: distributions.kstwoSf,
    ksTwoSampleExact: distributions.ksTwoSampleSf,
    normalSf: distributions.normalSf,
    normalIsf: distributions.normalIsf,
    studentTSf: distributions.studentTSf,
    studentTIsf: distributions.studentTIsf,
    fSf: distributions.fSf,
    mcnemarExact: distributions.mcnemarExact,
    benjaminiHochberg: distributions.benjaminiHochberg,
  };
  const sections = Object.entries(goldenSections()).filter(([, value]) =>
    Object.hasOwn(value as object, "entries"),
  );
  assert.equal(sections.map(([name]) => name).sort(), Object.keys(functions).sort());
  for (const f of Object.values(functions)) assert.type(f, "function");
});

test.run();
