/** Files of a sandbox; routes and `Entry` as ACA's, plus move and archives. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Flag, GuestPath, wholeNumber } from "./names.js";
import { SandboxParams, wakeErrors } from "./sandboxes.js";

export const Entry = z
  .object({
    name: z.string(),
    path: z.string(),
    size: z.number().int(),
    /** POSIX bits as a decimal number: 420 is 0644. */
    mode: z.number().int(),
    isDir: z.boolean(),
    isSymlink: z.boolean(),
    symlinkTarget: z.string().optional(),
    /** Seconds since 1970. */
    modifiedTime: z.number(),
    uid: z.number().int(),
    gid: z.number().int(),
  })
  .meta({ id: "Entry" });
export type Entry = z.infer<typeof Entry>;

/** Octal, as chmod takes it: 644, 0755. */
const Mode = z.string().regex(/^[0-7]{3,5}$/, "must be an octal mode such as 644");
const User = z
  .string()
  .regex(/^(?:[a-z_][a-z0-9_-]{0,31}\$?|\d{1,10}(?::\d{1,10})?)$/, "must be a user name, a uid, or uid:gid");
/** 1 to 4,095 bytes, no NUL. */
const LinkTarget = z
  .string()
  .min(1)
  .refine((target) => !target.includes("\0"), "must not hold a NUL byte")
  .refine((target) => new TextEncoder().encode(target).length <= 4_095, "must have at most 4095 bytes");
export const fileErrors = [
  "SandboxNotFound",
  ...wakeErrors,
  "FileNotFound",
  "PermissionDenied",
  "NotADirectory",
  "GuestUnresponsive",
] as const;
const errors = fileErrors;
export const filesPath = "/v1/groups/:group/sandboxes/:id/files";
const path = filesPath;
const byteCount = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const readFile = endpoint({
  id: "readFile",
  method: "GET",
  path,
  access: "user",
  summary: "Read a file, or a part of it",
  description:
    "A part by `offset` and `length`, or by the header Range with one range of bytes (RFC 9110: `bytes=0-99`, `bytes=100-`, `bytes=-100`), answered with 206 and Content-Range; If-Range holds against the ETag, which changes with the content. Files without a size, as those of /proc, are always answered whole.",
  params: SandboxParams,
  query: z.strictObject({ path: GuestPath, offset: byteCount.exactOptional(), length: byteCount.exactOptional() }),
  body: "none",
  result: "bytes",
  errors: [...errors, "IsADirectory", "NotARegularFile", "RangeNotSatisfiable"],
});

export const writeFile = endpoint({
  id: "writeFile",
  method: "POST",
  path,
  access: "user",
  summary: "Write a file of any size",
  description: "The file is replaced in one step when all bytes are on disk; a write that fails leaves the old one.",
  params: SandboxParams,
  query: z.strictObject({
    path: GuestPath,
    mode: Mode.exactOptional(),
    user: User.exactOptional(),
    createDirs: Flag.exactOptional(),
  }),
  body: "bytes",
  result: z.object({ bytesWritten: z.number().int() }),
  status: 201,
  errors: [...errors, "IsADirectory", "NotARegularFile", "UserNotFound", "DiskFull", "FileTooLarge"],
  isIdempotent: true,
});

export const deleteFile = endpoint({
  id: "deleteFile",
  method: "DELETE",
  path,
  access: "user",
  summary: "Delete a file, or a directory with all in it",
  params: SandboxParams,
  query: z.strictObject({ path: GuestPath, recursive: Flag.exactOptional() }),
  body: "none",
  result: "none",
  errors: [...errors, "DirectoryNotEmpty"],
});

export const statFile = endpoint({
  id: "statFile",
  method: "GET",
  path: `${path}/stat`,
  access: "user",
  summary: "Read what a path is",
  description: "Of a symbolic link the link itself, with its target, unless `followSymlinks` is true.",
  params: SandboxParams,
  query: z.strictObject({ path: GuestPath, followSymlinks: Flag.exactOptional() }),
  body: "none",
  result: Entry,
  errors,
});

export const listFiles = endpoint({
  id: "listFiles",
  method: "GET",
  path: `${path}/list`,
  access: "user",
  summary: "List a directory",
  params: SandboxParams,
  query: z.strictObject({ path: GuestPath }),
  body: "none",
  /** At most 10,000 entries, sorted by name; `truncated` says that there were more. */
  result: z.object({ path: z.string(), entries: z.array(Entry), truncated: z.boolean() }),
  errors,
});

export const makeDirectory = endpoint({
  id: "makeDirectory",
  method: "POST",
  path: `${path}/mkdir`,
  access: "user",
  summary: "Make a directory",
  params: SandboxParams,
  query: z.strictObject({}),
  body: z.strictObject({ path: GuestPath, createParents: z.boolean().exactOptional(), mode: Mode.exactOptional() }),
  result: "none",
  errors: [...errors, "FileExists", "DiskFull"],
});

export const makeSymlink = endpoint({
  id: "makeSymlink",
  method: "POST",
  path: `${path}/symlink`,
  access: "user",
  summary: "Make a symbolic link",
  description: "The target is taken as it is: absolute, or relative to the link's directory, there or not.",
  params: SandboxParams,
  query: z.strictObject({}),
  body: z.strictObject({ path: GuestPath, target: LinkTarget }),
  result: "none",
  errors: [...errors, "FileExists", "DiskFull"],
});

export const moveFile = endpoint({
  id: "moveFile",
  method: "POST",
  path: `${path}/move`,
  access: "user",
  summary: "Move or rename a file or directory",
  params: SandboxParams,
  query: z.strictObject({}),
  body: z.strictObject({ from: GuestPath, to: GuestPath, overwrite: z.boolean().exactOptional() }),
  result: "none",
  errors: [...errors, "FileExists", "IsADirectory", "DirectoryNotEmpty", "DiskFull"],
});

export const readArchive = endpoint({
  id: "readArchive",
  method: "GET",
  path: `${path}/archive`,
  access: "user",
  summary: "Read a directory as a tar stream",
  params: SandboxParams,
  query: z.strictObject({ path: GuestPath }),
  body: "none",
  result: "bytes",
  resultTypes: ["application/x-tar"],
  errors,
});

export const writeArchive = endpoint({
  id: "writeArchive",
  method: "POST",
  path: `${path}/archive`,
  access: "user",
  summary: "Unpack a tar stream into a directory",
  description: "Nothing is written outside the directory, whatever the archive says.",
  params: SandboxParams,
  query: z.strictObject({ path: GuestPath, user: User.exactOptional() }),
  body: "bytes",
  result: z.object({ entries: z.number().int() }),
  status: 201,
  errors: [...errors, "UserNotFound", "DiskFull"],
  isIdempotent: true,
});
