/** A worker whose vitest is gone ends, and its daemon with it. */
process.once("disconnect", () => process.exit(1));
