/** A million mutations of each format: the test beside it, many times over. */
process.env.MENDLINE_MUTATIONS = "1000000";
await import("./mutation.test.js");
