/** Usage: fetch.mjs URL…: a line for each, its status and the first line of its answer. */
for (const url of process.argv.slice(2)) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(60_000) });
    console.log(answer.status, (await answer.text()).split("\n")[0]);
  } catch (error) {
    console.log("failed");
    console.error(error);
  }
}
