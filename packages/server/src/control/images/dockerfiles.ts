/** A Dockerfile that a client sends: what its bases mean to the group, and how many builds a group has at once. */
import { AlcoveError, type Labels } from "@alcove/contract";
import type { DockerfileRequest } from "../../images/dockerfile/build-context.js";
import type { PullOrder } from "../../images/registry/pull.js";
import type { ControlContext } from "../context.js";
import { buildMachines } from "./build-machines.js";
import type { ImageName } from "./image-builds.js";
import { requireRoomForName } from "./image-sources.js";

const buildsAtOnce = 2;

interface SentContext extends ImageName, DockerfileRequest {
  readonly content: AsyncIterable<Uint8Array>;
  readonly labels: Labels;
  /** Bases may come from what listens on this host alone. */
  readonly isAdministrators: boolean;
}

/** Nothing is recorded before the context is there, its Dockerfile is one, and every base can be asked for. */
export async function takeDockerfile(context: ControlContext, sent: SentContext, signal: AbortSignal): Promise<void> {
  const { group, name, content, labels, isAdministrators, ...request } = sent;
  requireRoomForName(context, sent);
  refuseMore(context, group);
  const received = await context.images.receiveContext(content, request, signal);
  try {
    requireRoomForName(context, sent);
    refuseMore(context, group);
    const pullOf = (reference: string) => pullOrder(context, { group, reference, isAdministrators });
    for (const { reference } of received.bases) pullOf(reference);
    context.imageBuilds.begin({
      ...{ group, name, labels, fingerprint: "", source: { kind: "dockerfile" } },
      order: { kind: "dockerfile", context: received, openMachine: buildMachines(context, group), pullOf },
    });
  } catch (error) {
    await received[Symbol.asyncDispose]();
    throw error;
  }
}

function refuseMore({ imageBuilds }: ControlContext, group: string): void {
  if (imageBuilds.dockerfilesOf(group) < buildsAtOnce) return;
  const sentence = `${buildsAtOnce} Dockerfiles of the group are being built already.`;
  throw new AlcoveError("TooManyRequests", sentence, { hint: "Wait until one of them is done." });
}

interface Named {
  readonly group: string;
  readonly reference: string;
  readonly isAdministrators: boolean;
}

/** As for a sandbox: the group's own name first, then the catalogue's; what is neither is a registry's. */
function pullOrder({ images, store }: ControlContext, { group, reference, isAdministrators }: Named): PullOrder {
  const own = store.images.find(group, reference);
  const origin = own === undefined ? images.catalogue.get(reference)?.origin : undefined;
  if (own !== undefined && own.source.kind !== "registry") throw noBase(reference);
  if (origin?.kind === "recipe") throw noBase(reference);
  if (origin !== undefined) return { imageUrl: origin.imageUrl, isAdministrators: true };
  const { imageUrl = reference, manifestDigest } = own?.source ?? {};
  images.checkReference(imageUrl);
  const pinned = manifestDigest === undefined ? imageUrl : `${imageUrl.replace(/@.*$/, "")}@${manifestDigest}`;
  return { imageUrl: pinned, isAdministrators };
}

function noBase(reference: string): AlcoveError {
  const sentence = `The image ${reference.slice(0, 200)} came from no registry; it cannot be what a FROM names.`;
  return new AlcoveError("InvalidRequest", sentence, {
    ...{ field: "dockerfile", value: reference.slice(0, 200) },
    hint: "Push it to a registry and name it there, or add its files to FROM scratch.",
  });
}
