/** The test beside it, with a death before every step. */
process.env.MENDLINE_KILL_STEPS = "all";
await import("./kill-steps.test.js");
