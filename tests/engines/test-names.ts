/** Answers to questions for names, as the gateway's are: an address of its own for each name. */

const types = { a: 1, aaaa: 28, txt: 16 } as const;

/** Every name has the same address in both families; that of TXT is a long text, for answers that do not fit. */
export function answerTo(question: Buffer): { readonly name: string; readonly message: Buffer } {
  const { name, end } = nameAt(question, 12);
  const type = question.readUInt16BE(end);
  const data = recordOf(type);
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  const parts = [header, question.subarray(12, end + 4)];
  if (data !== undefined) {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(60, 6);
    record.writeUInt16BE(data.length, 10);
    parts.push(record, data);
  }
  return { name, message: Buffer.concat(parts) };
}

function recordOf(type: number): Buffer | undefined {
  if (type === types.a) return Buffer.from([198, 18, 0, 7]);
  if (type === types.aaaa) return Buffer.from("fd416c636f7600000000000000000007", "hex");
  if (type === types.txt)
    return Buffer.concat(Array(12).fill(Buffer.concat([Buffer.from([200]), Buffer.alloc(200, "t")])));
  return undefined;
}

function nameAt(message: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let offset = start;
  for (let length = message.readUInt8(offset); length > 0; length = message.readUInt8(offset)) {
    labels.push(message.toString("latin1", offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  return { name: labels.join("."), end: offset + 1 };
}
