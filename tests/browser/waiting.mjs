/** The first true answer of `condition`; fails naming `what` after `within` ms. Never a fixed wait. */
export async function until(what, condition, within = 30_000) {
  const deadline = Date.now() + within;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
