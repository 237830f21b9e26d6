/** Every named maximum of mendline, with its reason. Bytes and rows unless the name says otherwise. */

/** The first bytes of the shared memory belong to the kernels' data segment; the arena begins after them. One WASM page. */
export const kernelReservedBytes = 65_536;

/** Arena: default and bounds of its maximum. Below 8 MiB no useful batch fits; 4 GiB is what 32-bit pointers reach. */
export const arenaBytesDefault = 256 * 1024 * 1024;
export const arenaBytesMin = 8 * 1024 * 1024;
export const arenaBytesMax = 4 * 1024 * 1024 * 1024 - 65_536;

/** Bins of a profile: beyond 100, a year of hourly rows leaves fewer than 90 rows a bin. */
export const binsMax = 100;
/** Edges of the Kolmogorov-Smirnov grid (B = 256 quantiles), DESIGN section 4. */
export const ksBins = 256;
/** Edges one counting call takes: the merged grids of a model and about a dozen ancestors. */
export const edgesMax = 16_384;

/** Counters of one feature while its quantiles are selected in several passes (u32, 512 KiB; also room for 65,536 gathered keys). */
export const selectionCounters = 131_072;
/** Rows of data whose quantiles are selected: the counters have 32 bits. */
export const selectionRowsMax = 4_000_000_000;
/** Rows turned into keys at once while a feature streams through: 128 KiB of keys stay in the cache. */
export const selectionBlockRows = 16_384;

/**
 * Rows of both tables up to which KS and the Wasserstein distance are taken from the values unless asked otherwise. The data decide, not
 * the memory, so that the answer is the same in any: in 8 MiB a column of so many takes some 300 reads and a minute, in 256 MiB seven.
 */
export const exactRowsMax = 64 * 1024 * 1024;
/** n m of exact KS: its numerator has 63 bits. */
export const exactRowsProductMax = 2n ** 63n - 1n;
/** Known values by which a column is cut into pieces that can be held: 40 bytes each, and each a bit fewer of the digits a read tells. */
export const cutRanksMax = 8_192;

/** Categories with a bin of their own; the rest fold into `other`. */
export const categoriesMax = 200;
/** Categories and folded names that a profile knows, so that they are `other` and not `unseen`: 20 KB of hashes at the most. */
export const categoryNamesMax = 10_000;
/** Distinct texts a column may hold while it is read: above it, it is an identifier and no feature. */
export const distinctTextsMax = 1_000_000;
/** Counters of one text column while a batch is counted by several tasks; above it, the tasks take turns with one set. */
export const textCountsBytesMax = 1024 * 1024;
/** All of a column's different texts together: what a process of 512 MB can hold beside its data. */
export const distinctTextBytesMax = 64 * 1024 * 1024;

/** Columns of a table. */
export const columnsMax = 10_000;
/** Rows of one batch: bounds the memory that a batch of text formats takes. */
export const batchRowsMax = 65_536;
/** One record (line) of CSV or NDJSON. */
export const recordBytesMax = 16 * 1024 * 1024;
/** Metadata of one Arrow message: a schema of 10,000 columns takes about 2 MB. */
export const arrowMetadataBytesMax = 64 * 1024 * 1024;
/** Bytes nobody asked for that are read along rather than read around: a read of its own costs as much as copying some 100 KB. */
export const arrowGapBytesMax = 65_536;
/** Reads of one piece that are under way at once: as many threads as node reads with. */
export const arrowReadsMax = 4;
/** One compressed Arrow buffer, unpacked: 32 million doubles; writers make record batches of 65,536 to some million rows. */
export const arrowUnpackedBufferBytesMax = 256 * 1024 * 1024;
/** Unpacked buffers that are kept for the next piece of their record batch, where no single one is larger. */
export const arrowUnpackedBytesMax = 256 * 1024 * 1024;
/** Bytes of one text column that are held at once while they turn into codes. */
export const arrowTextWindowBytes = 4 * 1024 * 1024;

/** safetensors caps its header at 100 MB (format description). */
export const safetensorsHeaderBytesMax = 100_000_000;
/** Nesting of ONNX graphs inside attributes. */
export const onnxDepthMax = 32;
/** Nodes of one ONNX model with its subgraphs: ten times the largest unrolled ones; bounds the time of the walk. */
export const onnxNodesMax = 1_000_000;
/** Tensors of one model. */
export const tensorsMax = 1_000_000;
/** Text of an index of shards: ten times that of the largest published models. */
export const shardIndexBytesMax = 64 * 1024 * 1024;
/** Files of one model; all are open at once, for two models, and 1,024 is a process's usual allowance. The largest published have 191. */
export const modelShardsMax = 256;
/** Bytes of a model that are read, hashed or blended at once, whatever its size; they stay in a core's cache. Less in a small arena. */
export const parameterChunkBytes = 1024 * 1024;
/** The same while two models are compared: sums are rounded once a chunk, so it is one length for any memory; two fit the smallest. */
export const comparisonChunkBytes = 1024 * 1024;
/** Window over a model's structure while it is walked: larger than any name, small enough to read thousands of times. */
export const parameterWindowBytes = 65_536;
/** A tensor's, node's or operator's name as stored; real ones stay below 500 bytes. */
export const tensorNameBytesMax = 4_096;
/** Dimensions of a tensor: what numpy and PyTorch allow. */
export const tensorRankMax = 64;
/** Memory the index of one model may take: names, shapes, and values that have no byte range of their own in the file. */
export const parameterIndexBytesMax = 256 * 1024 * 1024;

/**
 * What is kept of the graph between queries, 30 MB at most: numbers by ids, lists of children by their weight (a number counts 1, a list
 * 4 more), neighbours of one list, models by the length of their text (400 a model, and three times that in memory), those that stand together and
 * others.
 */
export const graphIdsMax = 50_000;
export const graphListsWeightMax = 200_000;
export const graphListNumbersMax = 1_000;
export const graphNodesLengthMax = 6 * 1024 * 1024;
export const graphSinglesLengthMax = 1024 * 1024;
/** Text of sixteen models in one record of the index; larger ones have a record each. As a rule they take 6 thousand. */
export const nodesLengthMax = 64 * 1024;
/** Parents that a model's index entry names; the others of a merge of more stand in its list. */
export const nodeParentsMax = 64;
/** Models walked in one ancestor or descendant query. */
export const walkNodesMax = 1_000_000;
/** Weights that are compared to tell at a glance whether two models are related, of all tensors together: 8 MB as doubles. */
export const kinshipElementsMax = 1024 * 1024;
/** Tensors that they come from: for a guess, and for a check while a model is added, which must not slow that down. */
export const guessTensorsMax = 32;
export const checkTensorsMax = 8;
/** Models whose weights are looked at in one guess, those of the same form first, and how many of these are then compared in full. */
export const guessCandidatesMax = 256;
export const guessFinalistsMax = 4;
/** Models whose lists of tensors are looked through for those that share some, where no more are of the same form. */
export const guessScanMax = 10_000;
/** Closed windows' reports kept for one monitor. */
export const monitorReportsMax = 1_000;
/** Ancestors that one monitor counts for. */
export const monitorAncestorsMax = 16;

/**
 * Rows of one task, and of one kernel call on the calling thread: a 10-bin count of so many f32 takes about 0.2 ms, well above what a
 * worker takes from one task to the next, and no kernel takes more than about 2 ms for them.
 */
export const partitionRows = 262_144;
/**
 * Work on the calling thread hands the event loop its turn after so many milliseconds: it never waits longer than this and one step.
 *
 * A step is a kernel call over a partition's rows at most (2 ms; f16 weights of a 4 MiB chunk 3 ms, 32 KiB of CSV 3 ms), or a feature's p values (exact KS up
 * to 8 ms). So no stretch of mendline's own work is longer than 15 ms on a server's core, except: a call of `observe`, which is counted
 * before it returns; `openRows`, which looks at every cell before it returns, some 0.2 us each; a window that closes, 0.1 to 1 ms a
 * feature; `driftFromCounts`, the same; and CSV and Parquet, of which 32 ms were seen.
 */
export const inlineTurnMsMax = 5;
/** Worker threads of one engine: more wait for the memory bus, and each takes about 10 MB. */
export const threadsMax = 64;
/** Bytes of observed data that are counted at once on the calling thread: they take about 1 ms. */
export const inlineBytesMax = 1_048_576;
/** What several workers must save at the least before they are woken: waking them and taking their answers is 0.1 to 0.3 ms. */
export const pooledSavingMsMin = 0.4;
/** Posting one task to one worker, and taking it there, in ms. */
export const taskPostMs = 0.004;
/** The longest tasks that the calling thread helps with until the workers are awake. */
export const leadMsMax = 2;
/** How long it does so before it looks for answers: a few times what an idle worker takes to wake up. */
export const leadTurnMs = 0.2;
/** Work that is one worker's alone saves time for the event loop only, and costs a cold cache: less than this is not worth it. */
export const offloadMsMin = 20;
/** Tasks posted at once: more are cut up, so that posting them takes the calling thread no longer than a kernel call. */
export const taskBlockMax = 512;
/** Parts of runs that wait for a worker. */
export const taskQueueMax = 4_096;
/** Times a task is tried when its worker dies. */
export const taskTriesMax = 3;
/** A task takes milliseconds. The longest, a sort of all keys that 4 GiB hold, takes 5 s on a server's core: ten times slower will do. */
export const taskDeadlineMs = 60_000;
/** How often a run on the pool is looked at: for its progress, and for tasks past their deadline. */
export const watchEveryMs = 100;
/** JavaScript heap of a worker: it holds the kernels' wrappers and a list of tasks, all data lie in the shared memory. */
export const workerHeapMbMax = 64;

/** Rows of a sample up to which the two-sample Kolmogorov-Smirnov p value is counted exactly: scipy's `method='auto'` has the same. */
export const ksExactRowsMax = 10_000;
/**
 * Turns of exact counting for a p value of KS from counts, about 0.4 ms: a window of many features closes on the calling thread. Beyond
 * it, from about 1,500 rows a side on, the asymptotic value stands in: measured off by 3 % at most down to p = 1e-4, 7 % to 1e-10, more
 * below. D itself is known to a bin only.
 */
export const ksBinnedTurnsMax = 250_000;
/** Degrees of freedom, non-centrality, counts of a test: at 1e12 the slowest continued fraction takes about 1e6 steps. */
export const distributionParameterMax = 1e12;

/** Rows of one piece of a record batch: large enough for full-speed reads, small enough for twenty f64 columns in 160 MiB. */
export const arrowPieceRowsMax = 1_048_576;

/** One record of the store: a run's step, a drift report, a page of tensors. A report of 10,000 features takes about 8 MB. */
export const storeRecordBytesMax = 16 * 1024 * 1024;
/** Nesting of a stored document: deeper ones are cycles or attacks. */
export const storeDepthMax = 64;
/** Length of a name, version, alias, run id or monitor key, in UTF-16 units: fits a file name and a line of a terminal. */
export const storeNameLengthMax = 200;
/** Tensors or segments in one record: a model of a million tensors stays in records of a few hundred KB. */
export const storePageEntriesMax = 1_000;
/** States kept of one monitor: the newest counts, the one before lets a person look back. */
export const monitorStatesMax = 2;
/** Bytes of an object that are held in memory before a staging file is opened for it. */
export const objectHeldBytesMax = 1024 * 1024;
/** Between two attempts to open a database again that failed: a full disk is not made room on any faster. */
export const recoverRetryMs = 1_000;
/** Objects that are being made durable at once. */
export const objectWritesMax = 8;
/** Content of one frame of a packed object: room for its delta fits a small arena, and its planes are worth a turn of a compressor. */
export const packFrameBytes = 1024 * 1024;
/** Frames that are packed or unpacked at once, 3 MiB each: enough to keep a few cores compressing. */
export const packRoomsMax = 4;
/** Objects smaller than a disk's block gain nothing when they are packed. */
export const packBytesMin = 4_096;
/** Deltas between an object and one that is kept without a base: so many objects more are read to restore it. */
export const deltaDepthMax = 4;
/** The same when objects are read: what was lost and came back packed can stand deeper; a circle ends here. */
export const deltaDepthReadMax = 64;
/** Parents' tensors of which samples are compared to find the best base: a merge can have many. */
export const deltaBasesMax = 4;
/** What the owner of a store tells of itself: a line with an address. */
export const storeOwnerBytesMax = 4_096;
/** Records of one batch while a store is brought up to a later schema: a few hundred KB. */
export const migrationBatchRecords = 1_000;
/** Tags of one model: each is a record of the index that searches begin with. */
export const modelTagsMax = 256;
/** A key of the store's records: three texts of 200 UTF-16 units, three bytes each, and what stands between them. */
export const storeKeyBytesMax = 2_048;
/** Tables of one database, 2 MB each as a rule: two terabytes of records. */
export const leveldbFilesMax = 1_000_000;
/** Bytes of records that are written at once while a store is repaired or restored, beside the last of them. */
export const repairBatchBytes = 16 * 1024 * 1024;
/** One block of a LevelDB table, or one edit of a manifest: it begins a new block at 4 KiB, but never cuts a record. */
export const leveldbBlockBytesMax = 64 * 1024 * 1024;
/** LevelDB files that are checked before every opening: a tenth of a second. Larger ones are checked by `model verify`. */
export const openCheckBytesMax = 32 * 1024 * 1024;
/** Different objects that one collection, backup or check tells apart: up to 800 MB of hashes, and more files than disks like in a folder. */
export const marksMax = 16_777_216;
/** Models whose parameters are dropped in one commit. */
export const dropBatchModels = 256;
/** Models, and problems, that a collection or a check names; beyond it they are counted. */
export const findingsMax = 1_000;
/** Models that are named for one damaged object, and tensors for one of these. */
export const damageUsesMax = 100;
export const damageTensorsMax = 100;
/** Models that a check of the store names one by one, 200 bytes of JSON each; the others are counted, and their damage is listed. */
export const checkedModelsMax = 100_000;
/** An object that was put so long ago and got no commit was given up. */
export const orphanAgeMsMin = 60 * 60_000;
/** Names looked through for a "did you mean". */
export const hintNamesMax = 10_000;

/** Panes of a window: a year in days. */
export const panesMax = 366;
/** Rows of a window: counts of that size are exact in 32 bits. */
export const windowRowsMax = 4_000_000_000;
/** Milliseconds of a window, of allowed lateness, and of a step of event time: ten years. */
export const windowMsMax = 10 * 366 * 86_400_000;
/** Event times: what a Date can hold (ECMA-262, "Time Values and Time Range"). */
export const eventMsMax = 8.64e15;
/** Panes of one monitor that are open at once: bounds its counts, and the time of a look over them. */
export const openPanesMax = 1_000;
/** Panes kept open ahead of event time: for the first rows, for those behind a gap, and for wrong clocks, which take one each. */
export const earlyPanesMax = 32;
/** Rows that tell of a gap: more would be a second stream. */
export const eventAheadRowsMax = 1_000_000_000;
/** Counts that one monitor holds at once, 8 bytes each (128 MiB): 10,000 features take 2.7 million a pane. */
export const monitorCountsMax = 16 * 1024 * 1024;
/**
 * Live rows that a monitor gathers before it counts them, and their bytes: a count over 256 edges costs about a microsecond beside its
 * rows, and what is gathered should not leave the second-level cache before it is counted.
 */
export const stagedRowsMax = 4_096;
export const stagedBytesMax = 4 * 1024 * 1024;

/** Rows of one monitor's reservoir: a person is asked about a thousand points at most, and every model of a committee runs on each row. */
export const reservoirRowsMax = 10_000;
/** Their values, 1,000 rows of 500 numbers: they are written with the monitor's state, in one record of the store. */
export const reservoirBytesMax = 4 * 1024 * 1024;
/** Length of a text in it, in UTF-16 units: a category. Longer ones are documents, and their rows are left out. */
export const reservoirTextLengthMax = 256;

/** Standard input, kept in a temporary file because a profile takes several passes: temporary folders are often small, or memory. */
export const spoolBytesMax = 8 * 1024 * 1024 * 1024;
/** What a gzip file may unpack to: an hour's reading; such data are better kept as Parquet. */
export const gzipBytesMax = 64 * 1024 * 1024 * 1024;
/** How many times its packed size a file may be: deflate reaches 1,032 on nothing but repeats, zstd more, tables stay below 50. */
export const unpackedRatioMax = 250;
/** So much may be unpacked whatever the ratio: small files of constants are no bombs. */
export const unpackedFreeBytes = 64 * 1024 * 1024;
/** Bytes of a text file that are read at once. */
export const textBlockBytes = 1024 * 1024;
/** And that are parsed at once: 1 to 3 ms. */
export const textSliceBytes = 32 * 1024;
/** Row objects, and rows of a Parquet column, between two looks at the clock. */
export const cellRowsAtOnce = 1_024;
/** Footer of a Parquet file: 10,000 columns in 50 row groups take about 50 MB. */
export const parquetMetadataBytesMax = 64 * 1024 * 1024;
/** Nesting of a Parquet footer's structures; real ones stay below 10. */
export const parquetDepthMax = 32;
/** Header of one Parquet page: a few bytes, and the statistics of one column. */
export const parquetPageHeaderBytesMax = 1024 * 1024;
/** One Parquet page, unpacked. Writers aim at 1 MiB; some put a column of a whole row group into one page. */
export const parquetPageBytesMax = 256 * 1024 * 1024;
/** Values of one delta-encoded Parquet page: the only encoding that is unpacked as a whole and can be all but empty on disk. */
export const parquetDeltaValuesMax = 16 * 1024 * 1024;
/** The same for texts, each of which takes an object while its page is read. */
export const parquetDeltaTextsMax = 2 * 1024 * 1024;
/** Models in one lineage drawing or text tree: beyond it nobody can read it, and indents grow with the square of the depth. */
export const lineageDrawingNodesMax = 1_000;
/** Derivations in one lineage drawing: bounds the time of its layout; a model has one or two parents, a merge a dozen. */
export const lineageDrawingEdgesMax = 10_000;
/** Categories drawn one by one in a drift page; the rest are added up. More do not fit beside each other on a screen. */
export const categoriesDrawnMax = 20;

/** A serialised profile: 10,000 features of a few kilobytes each, categories with long names included. */
export const profileBytesMax = 256 * 1024 * 1024;

/** Labelled rows of a repair: a loss is told to a thousandth with far fewer; they are held in memory, so their bytes have a bound too. */
export const labelledRowsMax = 5_000_000;
export const labelledBytesMax = 1024 * 1024 * 1024;
/** Rows of a selection or gate slice below which neither a scale nor an interval means anything. */
export const sliceRowsMin = 20;
/** Rows, and cells, of one call of a model: bounds what its inputs and its inner layers take. */
export const judgeBatchRowsMax = 4_096;
export const judgeBatchCellsMax = 4 * 1024 * 1024;
/** Live rows that batch norm is recalibrated on: the error of a variance is about root(2 / rows), 3 % here and 14 % at the least. */
export const recalibrationRowsMax = 2_048;
export const recalibrationRowsMin = 100;
/** A model that is recalibrated is held in memory, and again on the thread that runs it. */
export const recalibrationBytesMax = 1024 * 1024 * 1024;
/** Batch norm layers that are recalibrated: each takes a run of the model over those rows, for every candidate. */
export const recalibrationLayersMax = 64;
/** Segments that a monitor tells apart by name: each has counts of its own in every pane. */
export const segmentsMax = 64;
/** Time for judging one candidate: a model that needs longer wants its own validator, or fewer rows. */
export const judgeDeadlineMs = 120_000;
/** Predictions handed over whole (400 MB as f64); losses are reduced where they arise and need no such room. */
export const predictionsMax = 50_000_000;
/** What a validator command may print a row: the longest double has 25 characters. */
export const commandLossBytesMax = 40;
/** The end of a validator command's standard error, kept for the message. */
export const commandErrorBytesMax = 65_536;
/** Rows up to which an interval is bootstrapped (0.5 s); above, the delta method gives the same to three digits. */
export const bootstrapRowsMax = 10_000;
/** Parameter vectors that one weighted sum takes: so many streams a core's prefetchers follow; more are summed in rounds. */
export const weightedVectorsMax = 8;
/** Text of an export that is gathered before it is written: few calls, little memory. */
export const exportBufferBytes = 65_536;
/** A name that other tools give a model: MLflow stores 500 characters, paths and addresses are longer. */
export const externalNameLengthMax = 1_000;
/** External models walked up from one model. */
export const externalWalkMax = 100_000;
/** One document to import: a page of MLflow's search with 1,000 runs takes about 5 MB. */
export const importFileBytesMax = 32 * 1024 * 1024;
/** Documents of one import, which are read together. */
export const importFilesMax = 1_000;
/** Metadata of one model card: the longest of benchmarks' results take about 1 MB. */
export const cardMetadataBytesMax = 2 * 1024 * 1024;
/** Rows of a pool that questions are chosen from; of more, a seeded sample: every model of the committee runs on each. */
export const labelPoolRowsMax = 100_000;
/** Points of one label request: a week of a person's work, and one record of the store. */
export const labelPointsMax = 1_000;
/** Models of a committee: each runs on the whole pool. */
export const committeeMax = 8;
/** Events of one label request: bounds the time to read it; every point could be answered, undone and skipped by many people. */
export const labelEventsMax = 20_000;
/** A file of labels, with all that a labelling tool exports beside them. */
export const labelFileBytesMax = 64 * 1024 * 1024;
/** A webhook's body with labels, in JSON: a few hundred annotations and their project. */
export const webhookBodyBytesMax = 8 * 1024 * 1024;
/** Bodies of webhooks that wait for the store: their sender does not ask again, and a poll of the export brings what was turned away. */
export const webhooksWaitingMax = 256;
/** Label Studio gives up after a second (labelstud.io/guide/webhooks, WEBHOOK_TIMEOUT): it has its answer by then, whatever the disk does. */
export const webhookAnswerMsMax = 500;
/** Length of a secret that guards labels: shorter ones can be guessed. */
export const webhookSecretLengthMin = 16;
/** Age of a label that still counts: ten years, as long as a window may be. */
export const labelAgeMsMax = windowMsMax;
/** Labelled rows to which people's labels are not added any more: a few hundred would change nothing, and all rows are written again. */
export const extendedRowsMax = 200_000;
/** Classes of one request, which are keys and choices for a person. */
export const labelClassesMax = 1_000;
/** A key's file in PEM: the largest that is taken has 500 bytes, some tools write a description above it. */
export const keyFileBytesMax = 65_536;
/** A signature's bundle: a derivation's parameters and metrics are in it, in base64. */
export const signatureBytesMax = 8 * 1024 * 1024;
/** Journal entries that a repair of the store makes up for: a journal that is mostly holes proves nothing. */
export const journalEntriesLostMax = 1_000_000;
/** Records that one made-up journal entry names: some hundred KB. */
export const journalChangesMax = 4_096;
/** Records of one frame of a backup: enough that frames cost nothing. */
export const backupRecordsBytes = 1024 * 1024;
/** One frame of a backup: the largest record, its key, and some room. */
export const backupFrameBytesMax = 2 * storeRecordBytesMax;

/** A receiver is to answer within 15 to 30 seconds (standard-webhooks, "Delivery"). */
export const webhookTimeoutMs = 20_000;
/** Waits between the attempts of a delivery, about three days in all: the schedule that standard-webhooks recommends. */
export const webhookRetriesMs: readonly number[] = [
  5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000,
];
/** Of an answer to a POST: enough for an error's text. */
export const answerBytesMax = 4096;
/** A serving process loads a model of some GB from a disk within this. */
export const modelLoadTimeoutMs = 120_000;
/** Calls of a model that is being replaced end within this, or are cut off: longer than any inference, shorter than a deployment's patience. */
export const drainDefaultMs = 30_000;
/** States of a trial that wait for the store: what is lost beyond it is looked at again. */
export const trialsPendingMax = 8;
/** Digests of data that a trial counted: a batch a day for most of a year, 64 bytes each in every state kept. */
export const trialBatchesMax = 256;
/** Live rows that both models of a trial answer at a time: with ten outputs 5 MB each. */
export const trialRowsMax = 65_536;
