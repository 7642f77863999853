/** From here on the machine is the sandbox's: its end, and what holds it, become the sandbox's state. */
import type { Machine, MachineEnd } from "../../engines/engine.js";
import type { Hold } from "../../lifecycle/hold.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { untilRecorded } from "../until-recorded.js";

export function watchMachine(context: ControlContext, record: SandboxRecord, machine: Machine): void {
  const { id } = record;
  context.machines.add(record, machine);
  const stopListening = machine.onHold((hold) => noteHold(context, id, hold));
  void machine.ended.then((end) => {
    stopListening();
    return noteEnd(context, machine, end);
  });
}

/** Held machines are told of at once; the event follows where the disk has room for it. */
function noteHold({ machines, register, logger }: ControlContext, id: string, hold: Hold | undefined): void {
  machines.setHold(id, hold);
  logger.warn({ sandbox: id, hold: hold?.reason }, hold ? "A sandbox is held" : "A sandbox goes on");
  try {
    register.announceHold(id, hold);
  } catch (error) {
    logger.warn({ sandbox: id, err: error }, "No event could be recorded for it");
  }
}

async function noteEnd(context: ControlContext, machine: Machine, end: MachineEnd): Promise<void> {
  const { machines, admission, logger } = context;
  const { id } = machine;
  // Whoever suspended or ended it says what became of it.
  const { reason, message } = end;
  if (reason === "Suspended" || machines.find(id)?.machine !== machine || context.stopping.aborted) return;
  machines.end(id);
  admission.release(id);
  try {
    await recordEnd(context, id, { reason: reason === "Destroyed" ? "EngineLost" : reason, message });
    await machine.destroy();
    if (machines.get(id) === machine) machines.forget(id);
  } catch (error) {
    if (context.stopping.aborted) return;
    logger.error({ sandbox: id, err: error }, "What an ended machine left is not removed; its deletion tries again");
  }
}

async function recordEnd(
  context: ControlContext,
  id: string,
  end: { readonly reason: "GuestExited" | "EngineLost"; readonly message: string },
): Promise<void> {
  const { register, logger, stopping } = context;
  const occurrence = { action: "ended", ...end, at: new Date().toISOString() } as const;
  if (await untilRecorded(context, id, () => register.apply(id, occurrence), stopping))
    logger.info({ sandbox: id, reason: end.reason }, end.message);
}
