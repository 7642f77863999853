/**
 * The error catalogue: code → status, sentence, hint. Codes are never renamed or reused.
 */
interface ErrorKind {
  readonly status: number;
  readonly sentence: string;
  readonly hint: string;
}

export const errorCatalogue = {
  InvalidRequest: {
    status: 400,
    sentence: "The request is not valid.",
    hint: "Correct the named field; /openapi.json has every shape.",
  },
  UserNotFound: {
    status: 400,
    sentence: "The sandbox has no such user.",
    hint: "Use a name from the sandbox's /etc/passwd, or a number.",
  },
  Unauthorized: {
    status: 401,
    sentence: "The caller is not known.",
    hint: "Send a key that is valid as `Authorization: Bearer KEY`, or use the daemon's own UNIX socket.",
  },
  Forbidden: {
    status: 403,
    sentence: "The caller may not do this.",
    hint: "Look at `alcove whoami`, and ask an owner of the group, or the administrator, for the role.",
  },
  PermissionDenied: {
    status: 403,
    sentence: "The sandbox's file system refused it.",
    hint: "Look at owner and mode with files/stat.",
  },
  AudienceNotAllowed: {
    status: 403,
    sentence: "The group's identity has no tokens for this resource.",
    hint: "Look at `alcove identity show`; an owner of the group says with `alcove identity set` whom tokens may be for.",
  },
  RouteNotFound: {
    status: 404,
    sentence: "There is no such endpoint.",
    hint: "Look at /openapi.json, which lists every endpoint.",
  },
  GroupNotFound: {
    status: 404,
    sentence: "There is no such group.",
    hint: "List the groups with `alcove group list`.",
  },
  SandboxNotFound: {
    status: 404,
    sentence: "There is no such sandbox.",
    hint: "List the sandboxes of the group; a deleted one is gone.",
  },
  ImageNotFound: {
    status: 404,
    sentence: "There is no such image.",
    hint: "List the images with `alcove image list`.",
  },
  SnapshotNotFound: {
    status: 404,
    sentence: "There is no such snapshot.",
    hint: "List the snapshots with `alcove snapshot ls`.",
  },
  ExecNotFound: {
    status: 404,
    sentence: "There is no such exec.",
    hint: "List the sandbox's execs; the oldest ended ones are forgotten.",
  },
  PortNotFound: {
    status: 404,
    sentence: "The sandbox has no such port open.",
    hint: "List its ports with `alcove port list SANDBOX`, and open one with `alcove port add SANDBOX PORT`; docs/ports.md tells how.",
  },
  KeyNotFound: {
    status: 404,
    sentence: "There is no such key.",
    hint: "List the keys with `alcove key list`.",
  },
  PoolNotFound: {
    status: 404,
    sentence: "There is no such pool.",
    hint: "List the group's pools with `alcove pool list`.",
  },
  EgressPolicyNotFound: {
    status: 404,
    sentence: "There is no such egress policy.",
    hint: "List the group's with `alcove egress policy list`.",
  },
  SecretNotFound: {
    status: 404,
    sentence: "There is no such secret, or it has no such key.",
    hint: "List the group's with `alcove secret list`.",
  },
  VolumeNotFound: {
    status: 404,
    sentence: "There is no such volume.",
    hint: "List the group's with `alcove volume list`, or make it with `alcove volume create`.",
  },
  EgressRouteNotFound: {
    status: 404,
    sentence: "There is no such upstream route.",
    hint: "Show the group's with `alcove egress upstream`; its owner defines them.",
  },
  TemplateNotFound: {
    status: 404,
    sentence: "There is no such template.",
    hint: "List them with `alcove template list`.",
  },
  RoleAssignmentNotFound: {
    status: 404,
    sentence: "There is no such role assignment.",
    hint: "List them with `alcove role list`.",
  },
  IssuerOff: {
    status: 404,
    sentence: "This server issues no tokens.",
    hint: "Set issuerUrl in the daemon's configuration to the URL under which others reach it, or let it listen on an address of its own.",
  },
  FileNotFound: {
    status: 404,
    sentence: "There is no such file in the sandbox.",
    hint: "List the directory above it with files/list.",
  },
  MethodNotAllowed: {
    status: 405,
    sentence: "The endpoint does not take this method.",
    hint: "Look at /openapi.json, which lists the methods of every path.",
  },
  GroupExists: {
    status: 409,
    sentence: "A group with this name is there already.",
    hint: "Use it, or choose another name; names that differ by case alone count as the same.",
  },
  GroupNotEmpty: {
    status: 409,
    sentence: "The group is not empty.",
    hint: "Delete what is in it first, or say force to delete that too.",
  },
  GroupNotDeletable: {
    status: 409,
    sentence: "The group is always there.",
    hint: "Delete the sandboxes in it instead.",
  },
  SandboxNotRunning: {
    status: 409,
    sentence: "The sandbox is not running.",
    hint: "Read its state and stateDetails: what is Stopped with something kept can be resumed, else create a new one.",
  },
  SandboxDisabled: {
    status: 409,
    sentence: "The sandbox is disabled.",
    hint: "Enable it first, then resume it: `alcove enable ID`.",
  },
  FreezeRefused: {
    status: 409,
    sentence: "A process of the sandbox resists the freeze.",
    hint: "Try again in a moment, or end the process that waits for a device or a file system.",
  },
  SnapshotIncompatible: {
    status: 409,
    sentence: "What was kept does not fit this host any more.",
    hint: "Let it boot from its disk, which was kept with it: resume, create or roll back with `from: Disk`.",
  },
  ImageNotReady: {
    status: 409,
    sentence: "The image is not ready.",
    hint: "Read the image's state and log, and wait until it is Ready.",
  },
  ImageInUse: {
    status: 409,
    sentence: "Sandboxes or snapshots stand on the image.",
    hint: "Delete them first.",
  },
  TemplateInUse: {
    status: 409,
    sentence: "Sandboxes or snapshots stand on the template.",
    hint: "It goes by itself when the last of them is deleted and another one took its place.",
  },
  SecretInUse: {
    status: 409,
    sentence:
      "Policies, sandboxes, snapshots or the group's settings refer to the secret, or to a key that is left out.",
    hint: "Let them refer to another one first, or delete them.",
  },
  VolumeExists: {
    status: 409,
    sentence: "The group has a volume of that name.",
    hint: "Use that one, or choose another name: `alcove volume list`.",
  },
  VolumeInUse: {
    status: 409,
    sentence: "A sandbox has the volume.",
    hint: "Take it away there first: `alcove volume detach SANDBOX NAME`.",
  },
  VolumeBusy: {
    status: 409,
    sentence: "Programs in the sandbox use files on the volume.",
    hint: "End them, or let them leave its directories: `alcove ps SANDBOX`.",
  },
  EgressPolicyInUse: {
    status: 409,
    sentence: "Sandboxes, snapshots or the group's defaults refer to the egress policy.",
    hint: "Give them another policy first, or delete them.",
  },
  EgressRouteInUse: {
    status: 409,
    sentence: "Policies of the group, of its sandboxes or of its snapshots name the upstream route.",
    hint: "Take it out of their rules first, or give it another way under the same name.",
  },
  ImageBusy: {
    status: 409,
    sentence: "The image is being built.",
    hint: "Wait until it is Ready or Failed, or delete it, which ends the build.",
  },
  PortExists: {
    status: 409,
    sentence: "The sandbox has this port already.",
    hint: "Change it with `alcove port set SANDBOX PORT`, or close it first with `alcove port remove SANDBOX PORT`.",
  },
  ExecExists: {
    status: 409,
    sentence: "An exec with this id is there already.",
    hint: "Attach to it, or use another id.",
  },
  ExecEnded: { status: 409, sentence: "The exec has ended.", hint: "Read its exit code and output." },
  StdinClosed: {
    status: 409,
    sentence: "The exec takes no input.",
    hint: "Start it with stdin: true, and write before it is closed.",
  },
  FileExists: { status: 409, sentence: "The file is there already.", hint: "Delete it first, or say overwrite." },
  NotADirectory: {
    status: 409,
    sentence: "A part of the path is not a directory.",
    hint: "Look at the path with files/stat.",
  },
  IsADirectory: {
    status: 409,
    sentence: "The path is a directory.",
    hint: "Use the archive or list endpoints, or say recursive.",
  },
  DirectoryNotEmpty: {
    status: 409,
    sentence: "The directory is not empty.",
    hint: "Say recursive to delete what is in it too.",
  },
  NotARegularFile: {
    status: 409,
    sentence: "The path is not a regular file.",
    hint: "Only regular files can be read and written.",
  },
  KeyLimitReached: {
    status: 409,
    sentence: "There are as many keys as there may be.",
    hint: "Revoke keys that are not used; `alcove key list` says when each was used last.",
  },
  PoolLimitReached: {
    status: 409,
    sentence: "The group has as many pools as there may be.",
    hint: "Delete a pool that is not needed: `alcove pool list` says how often each was used.",
  },
  EgressPolicyLimitReached: {
    status: 409,
    sentence: "The group has as many egress policies as there may be.",
    hint: "Delete one that nothing refers to: `alcove egress policy list`.",
  },
  SecretLimitReached: {
    status: 409,
    sentence: "The group has as many secrets as there may be.",
    hint: "Delete one that nothing refers to: `alcove secret list`. A secret can have many keys.",
  },
  RoleAssignmentLimitReached: {
    status: 409,
    sentence: "The group has as many role assignments as there may be.",
    hint: "Take roles away that are not needed, or map a claim of the issuer's to a role.",
  },
  FileTooLarge: {
    status: 413,
    sentence: "The file is larger than the limit.",
    hint: "Send it in parts, or give the sandbox a larger disk.",
  },
  RequestTooLarge: {
    status: 413,
    sentence: "The request is larger than the limit.",
    hint: "Send large data through the files endpoints.",
  },
  HeadersTooLarge: {
    status: 431,
    sentence: "The request's line and headers are larger than the limit.",
    hint: "Send less in the path, the query and the headers; together they may have 16 KiB.",
  },
  RangeNotSatisfiable: {
    status: 416,
    sentence: "The range is not one of the file's.",
    hint: "Ask for one range of bytes within the file; Content-Range has its size.",
  },
  UnsupportedMediaType: {
    status: 415,
    sentence: "The body's content type is not the endpoint's.",
    hint: "Send application/json, or application/octet-stream for bytes.",
  },
  QuotaExceeded: {
    status: 429,
    sentence: "The group's quota does not allow it.",
    hint: "Delete what is no longer needed, ask for less, or have an administrator raise the quota.",
  },
  TooManyRequests: { status: 429, sentence: "Too much at once.", hint: "Try again after the time in Retry-After." },
  PortRefused: {
    status: 502,
    sentence: "Nothing listens on this port of the sandbox.",
    hint: "Start the program, or look at its output with `alcove logs`; `alcove exec SANDBOX -- ss -ltn` lists the ports that are listened on.",
  },
  PortReset: {
    status: 502,
    sentence: "The connection to the sandbox's program broke off.",
    hint: "Look at the program's output with `alcove logs`, and whether the sandbox runs; then connect again.",
  },
  PortTimedOut: {
    status: 504,
    sentence: "What listens on this port of the sandbox does not answer.",
    hint: "Look at the program's output, and whether it is busy: `alcove ps SANDBOX`.",
  },
  GuestUnresponsive: {
    status: 502,
    sentence: "The sandbox's agent does not answer as it should.",
    hint: "Whatever runs inside may have broken it; delete the sandbox and create a new one.",
  },
  PreviewsOff: {
    status: 409,
    sentence: "This server serves no previews.",
    hint: "Its administrator turns them on with previewListen; see docs/ports.md. `alcove port-forward` works without.",
  },
  TcpPortsOff: {
    status: 409,
    sentence: "This server has no listeners for ports that speak TCP.",
    hint: "Its administrator turns them on with tcpPortsListen; see docs/ports.md. `alcove port-forward` works without.",
  },
  TcpPortsUsedUp: {
    status: 503,
    sentence: "All of the server's listeners for ports that speak TCP are in use.",
    hint: "Remove a port with the protocol Tcp that is not needed, or have the administrator make the range of tcpPortsListen larger.",
  },
  EngineUnavailable: {
    status: 503,
    sentence: "No engine can run sandboxes on this host.",
    hint: "Run `alcove doctor`; it has the command that mends it.",
  },
  SecretsUnreadable: {
    status: 503,
    sentence: "The key that secrets are encrypted with is missing, or it is another one.",
    hint: "Whoever runs the server puts the key's file back, or a new one where it is lost: docs/secrets.md.",
  },
  CapacityExceeded: {
    status: 503,
    sentence: "The host has no room for this sandbox.",
    hint: "Delete sandboxes, ask for a smaller size, or try again later.",
  },
  DaemonStopping: {
    status: 503,
    sentence: "The daemon is stopping.",
    hint: "Start it with `alcove up` and try again; sandboxes go on running.",
  },
  Timeout: { status: 504, sentence: "It took too long.", hint: "Try again, or give it more time." },
  DiskFull: { status: 507, sentence: "There is not enough disk space.", hint: "Free space, then try again." },
  InternalError: {
    status: 500,
    sentence: "Alcove failed.",
    hint: "The daemon's log (alcoved.log in its data directory, or the journal of its service) has this incident id and the cause.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCatalogue;

export const errorCodes = Object.keys(errorCatalogue) as readonly ErrorCode[];

/** Codes that any endpoint can answer. */
export const commonErrors = [
  "InvalidRequest",
  "Unauthorized",
  "Forbidden",
  "GroupNotFound",
  "RequestTooLarge",
  "HeadersTooLarge",
  "UnsupportedMediaType",
  "TooManyRequests",
  "DaemonStopping",
  "InternalError",
] as const satisfies readonly ErrorCode[];

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}
