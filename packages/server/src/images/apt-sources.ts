/**
 * Where packages come from: what this host's apt uses for the same release, so that a mirror or proxy that an
 * administrator chose is used here too. A host of another release or distribution gets mmdebstrap's own default.
 */
import { run } from "../host/run.js";
import type { Recipe } from "./recipe.js";

export interface AptSources {
  /** Lines of a sources.list; empty for mmdebstrap's default. */
  readonly lines: readonly string[];
  /** Settings of apt, as `Name "value";`. */
  readonly options: readonly string[];
}

const environment = { ...process.env, LC_ALL: "C" };

export async function hostAptSources(recipe: Recipe, signal: AbortSignal): Promise<AptSources> {
  const format = ["--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"];
  const targets = await run("apt-get", ["indextargets", ...format], { signal, environment });
  const settings = await run("apt-config", ["dump", "Acquire"], { signal, environment });
  return { lines: sourceLines(targets.stdout, recipe), options: transportOptions(settings.stdout) };
}

/** Of every target of apt, those of the recipe's release and components. */
export function sourceLines(targets: string, recipe: Pick<Recipe, "suite" | "components">): readonly string[] {
  const suites = [recipe.suite, `${recipe.suite}-updates`, `${recipe.suite}-security`];
  const lines = targets.split("\n").flatMap((target) => {
    const [uri = "", release = "", component = ""] = target.split(" ");
    const fits = suites.includes(release) && recipe.components.includes(component) && /^https?:/.test(uri);
    return fits ? [`deb ${uri} ${release} ${component}`] : [];
  });
  const hasRelease = lines.some((line) => line.split(" ")[2] === recipe.suite);
  return hasRelease ? [...new Set(lines)] : [];
}

/** Of apt's settings, those that say how a mirror is reached. */
export function transportOptions(dump: string): readonly string[] {
  return dump.split("\n").filter((line) => /^Acquire::https?::(?:Proxy|CaInfo|Timeout)\b[^"]* "[^"]+";$/i.test(line));
}
