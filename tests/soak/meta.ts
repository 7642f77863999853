/** What a long test tells besides its outcome; `./dev soak` writes it into the result. */
declare module "vitest" {
  interface TaskMeta {
    accelerator?: string;
  }
}

export {};
