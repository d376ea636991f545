"use strict";
/* Takes over what is new on the page, without a reload, so that what is half filled in stays. */
(() => {
  const follow = document.getElementById("follow");
  const parts = ["counts", "stream", "script"];
  let tag = "";
  follow.closest("label").hidden = false;

  const take = (page) => {
    for (const id of parts) {
      const here = document.getElementById(id);
      const there = page.getElementById(id);
      if (here.innerHTML !== there.innerHTML) {
        here.replaceChildren(...there.childNodes);
      }
    }
  };
  const look = async () => {
    const answer = await fetch("/", { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.status === 200) {
      tag = answer.headers.get("ETag");
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  };
  const ended = () => {
    document.getElementById("counts").textContent = "The inbox has ended; these are its last messages";
    tag = "";
  };
  const again = async () => {
    if (follow.checked && !document.hidden) {
      await look().catch(ended);
    }
    setTimeout(again, 1500);
  };
  again();
})();
