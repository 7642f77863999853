/**
 * Places where a test may kill the daemon: before and after each step of the operations in the journal. A point does
 * nothing unless it is the one that was asked for.
 *
 * To add one: 1. its name below  2. the call beside the step. The crash test walks over the table.
 */
export const crashPoints = [
  "create.beforeInsert",
  "create.afterInsert",
  "create.beforeStart",
  "create.afterStart",
  "create.beforeEntrypoint",
  "create.afterEntrypoint",
  "create.beforeRunning",
  "create.afterRunning",
  "exec.beforeInsert",
  "exec.afterInsert",
  "exec.beforeStart",
  "exec.afterStart",
  "exec.beforeFinish",
  "exec.afterFinish",
  "stop.beforeMark",
  "stop.afterMark",
  "stop.beforeSuspend",
  "stop.afterSuspend",
  "stop.beforeStopped",
  "stop.afterStopped",
  "resume.beforeMark",
  "resume.afterMark",
  "resume.beforeStart",
  "resume.afterStart",
  "resume.beforeRunning",
  "resume.afterRunning",
  "delete.beforeMark",
  "delete.afterMark",
  "delete.beforeDestroy",
  "delete.afterDestroy",
  "delete.beforeRemove",
  "delete.afterRemove",
  "snapshot.beforeInsert",
  "snapshot.afterInsert",
  "snapshot.afterSave",
  "snapshot.afterFinish",
  "snapshotDelete.afterMark",
  "snapshotDelete.beforeRemove",
  "snapshotDelete.afterRemove",
  "fork.afterSnapshot",
  "fork.afterShare",
  "fork.afterCopies",
  "rollback.beforeMark",
  "rollback.afterMark",
  "rollback.beforeDestroy",
  "rollback.afterDestroy",
  "rollback.afterStart",
  "commit.afterSnapshot",
  "commit.afterBegin",
  "groupDelete.afterMark",
  "groupDelete.beforeRemove",
  "groupDelete.afterRemove",
  "claim.beforeRenew",
  "claim.afterRenew",
  "egress.afterRecord",
  "secret.afterRecord",
  "identity.afterRecord",
  "volume.beforeInsert",
  "volume.afterAttach",
  "volume.afterMount",
  "volume.afterDetach",
  "volume.afterTakeOut",
  "volume.afterRemove",
  "volumeCopy.beforeStart",
  "volumeCopy.afterRollback",
] as const;

export type CrashPointName = (typeof crashPoints)[number];

/** Called at each point; ends the process at one of them, or never. */
export type CrashPoint = (name: CrashPointName) => void;

export const noCrash: CrashPoint = () => undefined;

/** `name` or `name:n`: kills this process when the point is passed for the nth time. */
export function crashAt(setting: { readonly name: CrashPointName; readonly passage: number }): CrashPoint {
  let passages = 0;
  return (name) => {
    if (name !== setting.name) return;
    passages += 1;
    if (passages === setting.passage) process.kill(process.pid, "SIGKILL");
  };
}
