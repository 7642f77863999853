/** What a long test tells besides its outcome; `./dev soak` writes it into the result. */
declare module "vitest" {
  interface TaskMeta {
    accelerator?: string;
    /** What it measured: the unit is in the name. */
    figures?: Record<string, number>;
  }
}

export {};
