/** How the workers of failing-worker.ts end: by values that begin with one of these numbers, as often as the second value says. */
export const ends = { exit: 0.125, outOfMemory: 0.25, hang: 0.5, trap: 0.75 } as const;

/** A byte below the kernels' data, where nothing else lies: set, no worker starts. */
export const refuseStartPtr = 512;
