import { areAssetsFresh, makeAssets } from "../guest/assets.js";
import { step } from "../progress.js";
import type { Verb } from "../verb.js";

export const assets: Verb = async (args, signal) => {
  const newKernel = args.includes("--new-kernel");
  if (newKernel || !(await areAssetsFresh())) {
    await step("Guest kernel, initramfs and agent", (progress) => makeAssets({ newKernel, progress, signal }));
  }
  return 0;
};
