/** The page's style: one column on narrow screens, the list of routes beside it on wide ones; light and dark. */
export const style = `:root{color-scheme:light dark;--fg:#1c2128;--soft:#57606a;--bg:#fff;--panel:#f5f7f9;--line:#d5dbe1;--link:#0a58ca;
--get:#116329;--post:#0a4ea8;--put:#8a4600;--delete:#a40e26}
@media(prefers-color-scheme:dark){:root{--fg:#e2e7ed;--soft:#9aa5b1;--bg:#12161b;--panel:#1b2128;--line:#333c46;--link:#79b8ff;
--get:#6fdd8b;--post:#7cb7ff;--put:#f0b072;--delete:#ff9492}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;color:var(--fg);background:var(--bg);font:16px/1.55 system-ui,sans-serif}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--bg);padding:.4rem .8rem}
.page{display:grid;grid-template-columns:minmax(0,1fr);max-width:78rem;margin:0 auto;padding:0 1rem 4rem;gap:0 2.5rem}
h1{font-size:1.7rem;line-height:1.2;margin:1.5rem 0 .5rem}
h2{font-size:1.35rem;margin:3rem 0 .25rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:0 0 .3rem;line-height:1.4;overflow-wrap:anywhere}
h4{font-size:.9rem;margin:1.1rem 0 .3rem}
p{margin:.4rem 0}
code,pre{font:.85em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
p code,td code,li code{overflow-wrap:anywhere}th code{white-space:nowrap}
pre{overflow-x:auto;margin:.4rem 0;padding:.7rem .9rem;background:var(--panel);border:1px solid var(--line);border-radius:6px}
pre code{font-size:.82rem}
article{margin:1.2rem 0;padding:1rem 1.1rem;border:1px solid var(--line);border-radius:8px}
article>p:first-of-type{font-weight:600}
.method{display:inline-block;min-width:4.2em;font:700 .8rem/1.5 ui-monospace,monospace}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.delete{color:var(--delete)}
.scope,.need,caption{color:var(--soft);font-size:.85rem}
.need{font-weight:400}
details{margin:.5rem 0 0}summary{cursor:pointer;font-size:.92rem;font-weight:600}
.wide{overflow-x:auto;margin:.5rem 0}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;padding-bottom:.2rem}
th,td{text-align:left;vertical-align:top;font-weight:400;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line)}
thead th{font-weight:600;font-size:.82rem;color:var(--soft)}
td{min-width:8rem}
nav{font-size:.9rem}nav ul{list-style:none;margin:.2rem 0 .8rem;padding:0}nav li{margin:.1rem 0;line-height:1.45}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
nav b{font-weight:600}nav .method{min-width:4.9em;font-size:.68rem}
nav ul{break-inside:avoid}@media(max-width:63.99rem){nav{columns:2;column-gap:1rem}}
@media(min-width:64rem){.page{grid-template-columns:17rem minmax(0,1fr)}header{grid-column:1/-1}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow-y:auto;padding:1rem 0}}
@media(max-width:30rem){body{font-size:15px}article{padding:.8rem}.page{padding:0 .7rem 3rem}}`
