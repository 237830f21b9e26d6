/** mendline's public API. */
export { type ErrorCode, errorTable, MendlineError } from "./errors.js";
export type { ArrowTable } from "./host/columns/arrow-table.js";
export type { DataSource, Field } from "./host/columns/column.js";
export type { ColumnBatch, ColumnValues } from "./host/columns/held.js";
export type { Row } from "./host/columns/rows.js";
export type { Deployment } from "./host/deployment/deployments.js";
export type { ServedModel, ServeOptions, Serving } from "./host/deployment/serving.js";
export type { WebhookTarget } from "./host/deployment/webhook.js";
export type { AbsentColumns, SchemaChanges } from "./host/drift/alignment.js";
export type { CompareOptions, KsMode } from "./host/drift/compare.js";
export type { Contribution, Explanation } from "./host/drift/explain.js";
export type { LiveRows } from "./host/drift/live-rows.js";
export type { DriftMonitor, MonitorOptions, MonitorStart } from "./host/drift/monitor.js";
export {
  type FeatureProfile,
  looksLikeProfile,
  type Moments,
  type Profile,
  profileFromBytes,
  profileSignature,
  profileToBytes,
} from "./host/drift/profile.js";
export type { ProfileOptions } from "./host/drift/profiler.js";
export type { DriftReport, FeatureReport, PsiReport, Verdict } from "./host/drift/report.js";
export type { ReservoirOptions } from "./host/drift/reservoir.js";
export type { DriftOptions, DriftRule, FeatureRule, PlainLimits } from "./host/drift/rules.js";
export type { SegmentOptions } from "./host/drift/segments.js";
export type { MomentShift, Shift } from "./host/drift/shift.js";
export type { KsResult, Smoothing } from "./host/drift/statistics.js";
export type { AlarmChange, TriggerOptions, TriggerSource } from "./host/drift/trigger.js";
export type {
  RowWindowOptions,
  SetAside,
  TimeUnit,
  TimeWindowOptions,
  WindowOptions,
} from "./host/drift/window.js";
export type {
  AncestorReport,
  PredictionOptions,
  SegmentReport,
  WindowReport,
} from "./host/drift/window-report.js";
export type { EngineEvents } from "./host/engine/announcer.js";
export type { WatchOptions } from "./host/engine/watches.js";
export {
  type AliasStatus,
  Engine,
  type EngineOptions,
  type EngineStatus,
  openEngine,
} from "./host/engine.js";
export type { Annotated, AnnotateOptions } from "./host/labels/annotate.js";
export { type LabelFormat, labelFormats } from "./host/labels/export-labels.js";
export type { LabelRequest, RequestState } from "./host/labels/label-request.js";
export type {
  LabelStudioWebhook,
  LabelStudioWebhookOptions,
  WebhookCall,
  WebhookOutcome,
  WebhookReply,
} from "./host/labels/label-studio-webhook.js";
export {
  type LabelPointDetails,
  type LabelRequestDetails,
  type LabelRequestSummary,
  requestDetails,
  requestSummary,
} from "./host/labels/request-json.js";
export { type Strategy, strategies } from "./host/labels/strategies.js";
export type { BlendedModel, BlendRequest, WrittenFile } from "./host/models/blended-file.js";
export type {
  DataDifference,
  FeatureDifference,
  MetricDifference,
  ModelDifference,
} from "./host/models/difference.js";
export type { ParentLink } from "./host/models/links.js";
export type { LastWindow, MonitorStatus, StoredMonitorOptions } from "./host/models/monitors.js";
export type { Kinship, ParentGuess } from "./host/models/parentage.js";
export type { KeepRowsOptions, ReservoirStatus } from "./host/models/recent-rows.js";
export type { ModelPath, NamedModel, RelatedModel, SharedModel } from "./host/models/relations.js";
export type { AddedModelVersion, AddModelRequest } from "./host/models.js";
export { type DriftPageMeta, driftPage } from "./host/pages/drift-page.js";
export { lineageSvg } from "./host/pages/lineage-drawing.js";
export {
  type LineageEdge,
  type LineageGraph,
  type LineageNode,
  lineageMermaid,
  lineagePage,
  lineageText,
} from "./host/pages/lineage-page.js";
export { type RepairStory, repairPage } from "./host/pages/repair-page.js";
export type { AliasTrial } from "./host/repair/alias-trial.js";
export type { AskLabelsRequest } from "./host/repair/ask-labels.js";
export type { AutoRepairOptions } from "./host/repair/auto-repair.js";
export type { CandidateSpec, CombinationTerm } from "./host/repair/candidate-spec.js";
export type { KnownLabels, RepairAsked } from "./host/repair/known-labels.js";
export type { ImportedLabels, ImportOptions, LabelDesk } from "./host/repair/label-desk.js";
export type { ModuleRows } from "./host/repair/module-worker.js";
export type { OpenTrial } from "./host/repair/open-trials.js";
export type { ResumeRequest } from "./host/repair/pipeline.js";
export type { Refinement, RefineRequest } from "./host/repair/refine.js";
export type {
  AncestorChoice,
  BatchNormReport,
  ChosenAncestor,
  CompatibilityReport,
  ControlReport,
  CurvePoint,
  GateReport,
  GateRival,
  PassedOver,
  RepairOutcome,
  RepairReport,
  RungReport,
  TensorDistance,
} from "./host/repair/report.js";
export type { RepairProgress, RepairRequest, TrialPeriod } from "./host/repair/request.js";
export type { RepairRun, RepairRunDetails } from "./host/repair/runs.js";
export type { TrialOptions, TrialState, TrialVerdict } from "./host/repair/trial.js";
export type { TrialRows } from "./host/repair/trial-rows.js";
export { checkStore, discardSetAside, repairStore, restoreBackup } from "./host/store-care.js";
export type { Backup, BackupOptions } from "./lineage-store/backup.js";
export type { RestoreBackupOptions, RestoredBackup } from "./lineage-store/backup-restore.js";
export type { DamagedObject, DamagedRecord, ObjectUse, StoreDamage } from "./lineage-store/damage.js";
export type {
  DeclarationRecord,
  ExternalRecord,
  ExternalSource,
  Resolution,
} from "./lineage-store/declared.js";
export type { Delivery } from "./lineage-store/deliveries.js";
export type { ExportFormat, ExportRequest, ExportSummary } from "./lineage-store/export/export-lineage.js";
export type { Collection, CollectOptions } from "./lineage-store/garbage.js";
export type {
  ImportedDeclaration,
  ImportedExternal,
  ImportRequest,
  ImportSummary,
} from "./lineage-store/import/import-lineage.js";
export type { ModelFile } from "./lineage-store/model-parts.js";
export type { ModelVersion } from "./lineage-store/models.js";
export type { NearestModel, PathStep, RelativeOptions } from "./lineage-store/reader.js";
export type { DerivationRecord, ModelRecord, ModelTask } from "./lineage-store/records.js";
export type { LostParameters, LostRecord, StoreRepair } from "./lineage-store/repair-findings.js";
export type { MetricCondition, ModelFilter } from "./lineage-store/search.js";
export type { SignatureRecord } from "./lineage-store/signatures.js";
export type { MadeSignature, SignedModel, SignRequest } from "./lineage-store/signing/sign.js";
export type {
  DerivationFinding,
  SignatureFinding,
  SignatureReport,
  VerifySignaturesRequest,
} from "./lineage-store/signing/verify.js";
export type { CheckedModel, StoreCheck, StoreCheckOptions } from "./lineage-store/store-check.js";
export type { StoreRepairOptions } from "./lineage-store/store-repair.js";
export type { Transformation } from "./lineage-store/transformations.js";
