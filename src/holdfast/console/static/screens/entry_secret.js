/**
 * Runs before anything is drawn: takes the secret of a link out of the address bar, and lets the page show what belongs
 * to one. No module, so that nothing is seen that changes at once.
 */
{
  const root = document.documentElement;
  const isSecret = () => /^#[\w-]{20,100}$/.test(location.hash);
  if (isSecret()) {
    root.dataset.secret = location.hash.slice(1);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  // a link that is followed from this very page loads nothing by itself; and a reload would send its form once more
  addEventListener("hashchange", () => {
    if (!isSecret()) return;
    const anew = new URL(location.href);
    if (anew.searchParams.has("anew")) anew.searchParams.delete("anew");
    else anew.searchParams.set("anew", "");
    location.replace(anew);
  });
}
