/** What who comes is told where the program does not answer: a page for people, JSON for programs. */
import type { VisitRequest } from "./visit-request.js";

export interface Trouble {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly hint: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What one may do about it here. */
  readonly link?: { readonly href: string; readonly text: string };
}

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function pageOf(trouble: Trouble, { headers: asked }: Pick<VisitRequest, "headers">): Page {
  const { status, title, detail, hint, headers } = trouble;
  const isHtml = asked.accept?.includes("text/html") === true;
  const body = isHtml ? html(trouble) : `${JSON.stringify({ status, title, detail, hint })}\n`;
  return {
    status,
    body,
    headers: {
      ...headers,
      "content-type": isHtml ? "text/html; charset=utf-8" : "application/problem+json",
      "content-length": String(Buffer.byteLength(body)),
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
      "x-alcove-preview": "error",
    },
  };
}

function html({ status, title, detail, hint, link }: Trouble): string {
  const way = link === undefined ? "" : `<p><a href="${escaped(link.href)}">${escaped(link.text)}</a></p>`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style>:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:38rem;margin:18vh auto;padding:0 1.5rem}
small{opacity:.6;letter-spacing:.04em}h1{font-size:1.5rem;margin:.2rem 0 1rem}p{margin:.6rem 0}.hint{opacity:.75}</style>
<small>${status} · Alcove preview</small><h1>${escaped(title)}</h1><p>${escaped(detail)}</p><p class="hint">${escaped(hint)}</p>${way}</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
