/** What can be done with templates; for the server's administrator. */
import type { PrunedTemplates, Template } from "@alcove/contract";

export interface TemplateControl {
  /** The most lately used first. */
  list(signal: AbortSignal): Promise<readonly Template[]>;
  /** Answers the new one when it is made. */
  rebuild(key: string, signal: AbortSignal): Promise<Template>;
  delete(key: string, signal: AbortSignal): Promise<void>;
  /** Those that nothing stands on. */
  prune(options: { readonly dryRun: boolean }, signal: AbortSignal): Promise<PrunedTemplates>;
}
