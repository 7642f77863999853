import { areAssetsFresh, makeAssets } from "../guest/assets.js";
import { step } from "../progress.js";
import type { Verb } from "../verb.js";

export const assets: Verb = {
  summary: "make the guest's kernel, initramfs and agent (part of build); --new-kernel looks for a newer kernel",
  run: async (args, signal) => {
    const newKernel = args.includes("--new-kernel");
    if (!newKernel && (await areAssetsFresh())) return undefined;
    await step("Guest kernel, initramfs and agent", (progress) => makeAssets({ newKernel, progress, signal }));
    return undefined;
  },
};
