"""How an exported report looks: on screen, on a phone, on paper. Light only."""

STYLE = """\
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1b2326; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 40px 0 8px; border-bottom: 1px solid #d5dbde; padding-bottom: 4px; }
h3 { font-size: 1rem; margin: 16px 0 4px; }
.facts { color: #56636a; margin: 0 0 12px; }
.verdict { border-left: 4px solid #0f766e; background: #f0f7f6; margin: 12px 0; }
.verdict { padding: 10px 14px; }
.verdict p { margin: 0; font-weight: 600; }
.verdict ul { margin: 6px 0 0; }
.doubtful { border-color: #b45309; background: #fdf6ec; }
figure { margin: 8px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { border-bottom: 1px solid #e3e8ea; padding: 4px 8px; text-align: left; }
th, td { vertical-align: top; }
th { color: #56636a; font-weight: 600; vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.long { overflow-wrap: anywhere; min-width: 9em; font-size: 11px; }
td:first-child { white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 12px; }
dt { color: #56636a; }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; color: #0f766e; }
@media print { details { display: block; } figure { break-inside: avoid; } }
"""
"""A style sheet without any address in it: the report must work offline."""
