import type { Image } from "@alcove/contract";
import { labelText, type View } from "../output/view.js";

export const imageView: View<Image> = {
  name: ({ name }) => name,
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "STATE", value: ({ state }) => state },
    {
      heading: "SIZE",
      value: ({ sizeBytes }) => (sizeBytes === 0 ? undefined : `${Math.round(sizeBytes / 2 ** 20)} MiB`),
    },
    { heading: "SOURCE", value: sourceText },
    { heading: "BUILT", value: ({ builtAt }) => builtAt },
    { heading: "MESSAGE", value: ({ message }) => message },
  ],
  details: [
    { heading: "HINT", value: ({ hint }) => hint },
    { heading: "ABOUT", value: ({ description }) => description },
    { heading: "DIGEST", value: ({ digest }) => digest || undefined },
    { heading: "FROM", value: ({ source }) => source.imageUrl },
    { heading: "MANIFEST", value: ({ source }) => source.manifestDigest },
    { heading: "PROGRAM", value: ({ config }) => [...config.entrypoint, ...config.cmd].join(" ") || undefined },
    { heading: "USER", value: ({ config }) => config.user },
    { heading: "DIRECTORY", value: ({ config }) => config.workingDirectory },
    { heading: "PORTS", value: ({ config }) => config.exposedPorts.join(", ") || undefined },
    { heading: "LABELS", value: ({ labels }) => labelText(labels) || undefined },
  ],
  below: ({ log }) => log,
};

/** Whose it is: of the catalogue, or how the group came by it. */
function sourceText({ isPublic, source }: Image): string {
  return isPublic ? "catalogue" : source.kind;
}
