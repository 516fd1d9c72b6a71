// Streamlit's own shortcuts know no punctuation: this one listens for "?" wherever nobody is typing.
let listening = null;

export default function ({ setTriggerValue }) {
  document.removeEventListener("keydown", listening);
  listening = (event) => {
    const typing = event.target.closest?.("input:not([type=range]), textarea, [contenteditable=true]");
    if (event.key === "?" && !typing) setTriggerValue("asked", true);
  };
  document.addEventListener("keydown", listening);
  return () => document.removeEventListener("keydown", listening);
}
