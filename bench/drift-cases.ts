/** Our drift from a file to the report, as a case. */
import type { Profile } from "../src/host/drift/profile.js";
import { type EngineOptions, openEngine } from "../src/index.js";
import type { Case, Role } from "./measure.js";

/** PSI, KL and binned KS with their calibration; read, counted and judged. */
export async function driftCase(
  name: string,
  role: Role,
  options: EngineOptions,
  profile: Profile,
  path: string,
): Promise<Case> {
  const engine = await openEngine(options);
  const report = async () => {
    const data = await engine.openData(path);
    try {
      return await engine.drift(profile, data);
    } finally {
      await data.close();
    }
  };
  return {
    name,
    role,
    answer: async () => Object.values((await report()).features).map(({ psi }) => psi.value),
    runAsync: async () => (await report()).rows.current,
    close: () => engine.close(),
  };
}
