/** Which validator judges a run's candidates. */
import { MendlineError } from "../../errors.js";
import type { ModelRecord, ModelTask } from "../../lineage-store/records.js";
import { CommandValidator } from "./command-validator.js";
import type { RepairContext } from "./context.js";
import { lossFor, parseGoal } from "./metrics.js";
import { ModuleValidator } from "./module-validator.js";
import { OnnxValidator } from "./onnx-validator.js";
import { labelOf, type RepairPlan } from "./request.js";
import type { Validator } from "./validator.js";

/** @throws MendlineError MENDLINE_REPAIR_VALIDATOR  parameters without a graph, and nothing that judges them */
export async function validatorFor(
  { scratch }: RepairContext,
  model: ModelRecord,
  task: ModelTask,
  plan: Pick<RepairPlan, "validator" | "output" | "goal" | "metric">,
): Promise<Validator> {
  const { validator, output } = plan;
  if (validator?.kind === "command")
    return new CommandValidator({ command: validator.command, dir: await scratch.dir() });
  if (validator?.kind === "module")
    return new ModuleValidator({ path: validator.path, dir: await scratch.dir() });
  if (model.format !== "onnx") {
    throw new MendlineError(
      "MENDLINE_REPAIR_VALIDATOR",
      `${labelOf(model)} is a ${model.format} file: name a command that judges it with --validator`,
    );
  }
  const goal = plan.goal === null ? null : parseGoal(plan.goal, task.kind);
  // The more demanding of the two: auc is for two classes only.
  const metric = goal?.metric === "auc" ? "auc" : plan.metric;
  const loss = lossFor(plan.metric);
  return new OnnxValidator({ task: task.kind, metric, loss, ...(output !== null && { output }) });
}
