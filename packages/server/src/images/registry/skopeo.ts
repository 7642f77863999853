/** Debian's skopeo speaks the registry's protocol: for one pull, in one workplace, with that pull's credentials and no others. */
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError, type RegistryCredentials } from "@alcove/contract";
import { RunError, run } from "../../host/run.js";
import { printable } from "../../lib/printable.js";
import { maximumDocumentBytes } from "../oci/documents.js";

export interface SkopeoOptions {
  readonly registry: string;
  readonly credentials?: RegistryCredentials;
  readonly verifyTls: boolean;
  readonly certificates?: string;
  /** Where it may write. */
  readonly directory: string;
  readonly onStart: (pid: number) => void;
  /** What it says, made fit for a log. */
  readonly onLine: (line: string) => void;
}

const answerTimeoutMs = 60_000;
/** Room for what is around a manifest. */
const captureLimitBytes = maximumDocumentBytes + 1_048_576;

export class Skopeo {
  readonly #options: SkopeoOptions;
  readonly #policy: readonly string[];

  private constructor(options: SkopeoOptions, policy: readonly string[]) {
    this.#options = options;
    this.#policy = policy;
  }

  /** Credentials go by a file that only this user can read; without any the daemon's own are still not used. */
  static async open(options: SkopeoOptions): Promise<Skopeo> {
    const { registry, credentials, directory } = options;
    await mkdir(join(directory, "tmp"), { recursive: true, mode: 0o700 });
    const auth = credentials && Buffer.from(`${credentials.username}:${credentials.token}`).toString("base64");
    const auths = auth === undefined ? {} : { [registry]: { auth } };
    await writeFile(join(directory, "auth.json"), JSON.stringify({ auths }), { mode: 0o600, flag: "wx" });
    const hasPolicy = await access("/etc/containers/policy.json").then(
      () => true,
      () => false,
    );
    return new Skopeo(options, hasPolicy ? [] : ["--insecure-policy"]);
  }

  /** The manifest or index at the location, byte for byte. */
  async manifest(location: string, signal: AbortSignal): Promise<string> {
    const args = ["inspect", "--raw", ...this.#connection(""), location];
    const { stdout } = await this.#run(args, { signal, timeoutMs: answerTimeoutMs, captureLimitBytes });
    return stdout;
  }

  /** Manifest, config and layers as they are, each blob checked for its digest, named by it. */
  async copy(location: string, directory: string, signal: AbortSignal): Promise<void> {
    await this.#run(["copy", "--quiet", ...this.#connection("src-"), location, `dir:${directory}`], { signal });
  }

  #connection(prefix: string): readonly string[] {
    const { verifyTls, certificates, directory } = this.#options;
    return [
      `--${prefix}authfile=${join(directory, "auth.json")}`,
      `--${prefix}tls-verify=${verifyTls}`,
      ...(certificates === undefined ? [] : [`--${prefix}cert-dir=${certificates}`]),
    ];
  }

  async #run(
    args: readonly string[],
    options: { readonly signal: AbortSignal; readonly timeoutMs?: number; readonly captureLimitBytes?: number },
  ) {
    const { directory, onStart } = this.#options;
    const onLine = (line: string, stream: "stdout" | "stderr") => {
      if (stream === "stderr") this.#options.onLine(printable(line, 1_000));
    };
    const own = { HOME: directory, XDG_RUNTIME_DIR: directory, TMPDIR: join(directory, "tmp"), LC_ALL: "C" };
    const environment = { ...inherited(), ...own };
    try {
      return await run("skopeo", [...this.#policy, ...args], {
        ...{ ...options, onStart, onLine, environment },
        killGraceMs: 500,
      });
    } catch (error) {
      throw error instanceof RunError ? this.#explain(error) : error;
    }
  }

  #explain(error: RunError): AlcoveError {
    const { registry, credentials } = this.#options;
    if (error.reason === "NotFound") return missingProgram(error);
    if (error.reason === "TimedOut") return unanswered(registry, error);
    const said = error.output.stderr;
    const known = sentences.find(({ pattern }) => pattern.test(said));
    const { sentence, hint } = known ?? {
      sentence: "did not give the image",
      hint: "The image's log has what was said.",
    };
    const reason = known?.isEnough ? "" : `: ${lastWords(said)}`;
    const advice = known === unauthorized && credentials !== undefined ? refusedHint : hint;
    return new AlcoveError("ImageNotReady", `The registry ${registry} ${sentence}${reason}.`, {
      hint: advice,
      cause: error,
    });
  }
}

/** Proxies and authorities that the administrator chose hold here too. */
function inherited(): Record<string, string | undefined> {
  const names = ["PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
  return Object.fromEntries([...names, "SSL_CERT_FILE", "SSL_CERT_DIR"].map((name) => [name, process.env[name]]));
}

const refusedHint = "It did not take the credentials, or they give no right to this image: check user name and token.";
const unauthorized = {
  pattern: /unauthorized|authentication required|denied|\b40[13]\b/i,
  sentence: "wants credentials for this image",
  hint: "Give credentials: source.authentication.registryCredentials, or `alcove image pull --username NAME --password-stdin`.",
  isEnough: true,
};
const sentences = [
  unauthorized,
  {
    pattern: /manifest unknown|name unknown|not found|\b404\b/i,
    sentence: "has no such image",
    hint: "Check repository, tag and digest; some registries say so too where credentials are missing.",
    isEnough: true,
  },
  {
    pattern: /x509|certificate/i,
    sentence: "shows a certificate that is not trusted here",
    hint: "Put its authority's certificate, as a .crt file, into the directory that the configuration key registryCertificates names.",
    isEnough: false,
  },
  {
    pattern: /HTTP response to HTTPS client|first record does not look like a TLS/i,
    sentence: "speaks no TLS",
    hint: "An administrator can allow that: the configuration key insecureRegistries.",
    isEnough: true,
  },
  {
    pattern: /connection refused|no such host|no route to host|network is unreachable|i\/o timeout/i,
    sentence: "cannot be reached",
    hint: "Check the host and port, and that this machine can reach it.",
    isEnough: false,
  },
  {
    pattern: /too many requests|\b429\b/i,
    sentence: "has had too many requests from here",
    hint: "Try again later, or with credentials.",
    isEnough: true,
  },
] as const;

function lastWords(said: string): string {
  const line = said.trim().split("\n").at(-1) ?? "";
  const message = /msg="(.*)"$/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? line;
  return printable(message, 400);
}

function missingProgram(cause: unknown): AlcoveError {
  return new AlcoveError("ImageNotReady", "skopeo, which pulls images, is not installed.", {
    hint: "Install it: sudo apt-get install skopeo",
    cause,
  });
}

function unanswered(registry: string, cause: unknown): AlcoveError {
  const detail = `The registry ${registry} did not answer within ${answerTimeoutMs / 1_000} s.`;
  return new AlcoveError("Timeout", detail, { hint: "Try again, or use another registry.", cause });
}
