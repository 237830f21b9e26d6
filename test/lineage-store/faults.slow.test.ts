/** The test beside it, with a disk that fails for good from every step on. */
process.env.MENDLINE_FAULTS = "all";
await import("./faults.test.js");
