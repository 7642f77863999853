/** How a value may stand in an answer: as it is, escaped for a URL or for JSON, in base64, alone or in the middle of something longer. */

/** What is shorter is found in too much that is no secret. */
export const shortestBytes = 8;
/** Longer ones are looked for in pieces, so that no more than a piece is held back. */
export const longestBytes = 128;

/** None of them shorter than the one or longer than the other. */
export function writtenForms(value: string): readonly Buffer[] {
  const bytes = Buffer.from(value.trim());
  if (bytes.length < shortestBytes) return [];
  const json = JSON.stringify(value.trim()).slice(1, -1);
  const texts = [json, json.replaceAll("/", "\\/"), inUrl(bytes), ...inBase64(bytes)];
  const forms = [bytes, ...texts.map((text) => Buffer.from(text))].flatMap(pieces);
  return [...new Map(forms.map((form) => [form.toString("latin1"), form])).values()];
}

/** Of bytes, since a value need be no Unicode that a URL could have. */
function inUrl(bytes: Buffer): string {
  return bytes.toString("latin1").replace(/[^A-Za-z0-9_.!~*'()-]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

/** Three, by how many bytes stand before it; without the characters that depend on what stands around it. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bits = 8 * (before + bytes.length);
    const [from, to] = [Math.ceil((8 * before) / 6), Math.floor(bits / 6)];
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(from, to);
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** The last one is as long as the others, and has some of the one before it. */
function pieces(form: Buffer): Buffer[] {
  if (form.length <= longestBytes) return [form];
  const count = Math.ceil(form.length / longestBytes);
  return Array.from({ length: count }, (_, at) => {
    const end = Math.min((at + 1) * longestBytes, form.length);
    return form.subarray(end - longestBytes, end);
  });
}
