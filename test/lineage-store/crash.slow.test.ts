/** Two thousand kills: the test beside it, many times over. */
process.env.MENDLINE_KILLS = "2000";
await import("./crash.test.js");
