/** A reference to an image in a registry, as people write it: `host[:port]/repository[:tag][@digest]`. */
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";

export interface Reference {
  /** Host, with its port where there is one. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const namePattern = new RegExp(
  `^(?<repository>${component}(?:/${component})*)(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** A registry as a host with an optional port. */
export const Registry = z.string().max(255).regex(hostPattern, "must be a host such as registry.example.com:5000");

/** Its first part is a host when it looks like one: with a dot, a port, or `localhost`. Else the default registry is meant. */
export function parseReference(text: string, defaultRegistry?: string): Reference {
  const at = text.indexOf("/");
  const first = at < 0 ? "" : text.slice(0, at);
  const hasHost = /[.:]/.test(first) || first === "localhost";
  const registry = hasHost ? first : defaultRegistry;
  if (registry === undefined) throw withoutRegistry(text);
  const named = namePattern.exec(hasHost ? text.slice(at + 1) : text)?.groups;
  if (!Registry.safeParse(registry).success || named?.repository === undefined || text.length > 1_024) {
    throw refused(text);
  }
  const { repository, tag, digest } = named;
  if (digest !== undefined) return { registry, repository, digest };
  return { registry, repository, tag: tag ?? "latest" };
}

/** As skopeo takes it, at a digest where one is given. */
export function locationOf({ registry, repository, tag, digest }: Reference): string {
  return `docker://${registry}/${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}

function withoutRegistry(text: string): AlcoveError {
  const hint =
    "Write the registry's host before it, or set the configuration key catalogueRegistry to the registry that is meant without one.";
  return new AlcoveError("InvalidRequest", `The reference ${JSON.stringify(text.slice(0, 200))} names no registry.`, {
    field: "source.imageUrl",
    value: text.slice(0, 200),
    hint,
  });
}

function refused(text: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `${JSON.stringify(text.slice(0, 200))} is no reference to an image.`, {
    field: "source.imageUrl",
    value: text.slice(0, 200),
    hint: "Write it as registry.example.com/team/tools:1.2, or with @sha256: and a digest.",
  });
}
