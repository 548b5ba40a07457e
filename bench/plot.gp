# The charts of results.md:
#
#     gnuplot -e "data = '...'; out = '...'; makers = ...; left = ..." bench/plot.gp
#
# There is no background, and the colours are of medium brightness, so that the charts can be read on white and on black.

grey = "#7d8590"
set border 0
set tics nomirror scale 0 textcolor rgb grey
set title textcolor rgb grey
set xlabel textcolor rgb grey
set ylabel textcolor rgb grey
set key textcolor rgb grey noenhanced
set style fill solid 1 noborder
set datafile separator "\t"

# One colour for each contender, in all charts.
begins(name, with) = name[1:strlen(with)] eq with
colour(name) = begins(name, "nsinit -u") ? 0x1f6feb : \
	begins(name, "nsinit -t") ? 0x79c0ff : \
	begins(name, "nsinit, sub") ? 0x58a6a6 : \
	begins(name, "nsinit") ? 0x2f9bff : \
	begins(name, "COMMAND") ? 0x6e7681 : \
	begins(name, "the least -u") ? 0x57606a : \
	begins(name, "the least") ? 0x8c959f : \
	begins(name, "tini-static") ? 0xa371f7 : \
	begins(name, "tini") ? 0xd2a8ff : \
	begins(name, "dumb-init") ? 0x2da44e : \
	begins(name, "catatonit") ? 0xbf8700 : \
	begins(name, "unshare + ") ? 0xd1477a : \
	begins(name, "unshare") ? 0xc9510c : 0xa0784e

# Choose a step of 1, 2 or 5 times a power of 10 for about that many ticks.
decade(x) = 10.0 ** floor(log10(x))
nice(m, d) = m <= 1 ? d : m <= 2 ? 2 * d : m <= 5 ? 5 * d : 10 * d
step(most, ticks) = nice(most / ticks / decade(most / ticks), decade(most / ticks))

show(x) = x >= 100 || x == int(x) ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x)

# --- bars: rows of place, value, name, on a linear axis that begins at 0 ---

plain = "unset logscale; set xrange [*:*]; set yrange [*:*]; set format '%g'; set xtics autofreq; set ytics autofreq; \
	unset ylabel; "
draw_bars = plain . "unset key; set offsets 0, graph 0.12, 0, 0; set xlabel unit; \
	set grid noytics xtics linecolor rgb grey linewidth 0.3; \
	stats file using 2 nooutput; set xtics step(STATS_max > 0 ? STATS_max : 1.0, ticks); \
	stats file using 1 nooutput; set xrange [0:*]; set yrange [STATS_max + 0.5:-0.6]; \
	plot file using (0):1:(0):2:($1 - 0.36):($1 + 0.36):(colour(strcol(3))):ytic(3) with boxxyerror linecolor rgb variable, \
	file using 2:1:(show($2)) with labels left offset 0.5,0 textcolor rgb grey noenhanced"

# --- curves: a block for each contender, its name first; ticks at the numbers that were measured ---

tick(x) = x >= 1000000 ? sprintf("%g M", x / 1000000.0) : x >= 10000 ? sprintf("%g k", x / 1000.0) : sprintf("%g", x)
# Label 1, 2 and 5 of each decade, so that a range of one decade has labels as well.
decades = ""
do for [e = -4:6] { do for [m in "1 2 5"] {
	decades = decades . (decades eq "" ? "" : ", ") . sprintf("'%g' %g", m * 10 ** e, m * 10 ** e)
} }
few_decades = ""
do for [e = -4:6] {
	few_decades = few_decades . (e == -4 ? "" : ", ") . sprintf("'%g' %g", 1.0 * 10 ** e, 1.0 * 10 ** e)
}
draw_curves = plain . "set key outside right top reverse Left samplen 2 spacing 1.2; \
	stats file using 1:2 nooutput; \
	set xlabel across; set ylabel unit textcolor rgb grey; \
	set grid ytics xtics linecolor rgb grey linewidth 0.3; set offsets 0, 0, graph 0.05, 0; \
	eval scale; \
	plot for [i = 0:STATS_blocks - 1] file index i using 1:2:xtic(tick($1)) with linespoints \
	linecolor rgb colour(word_of(i)) linewidth 2 pointtype 7 pointsize 0.5 title columnheader(1)"
# The name of a block, for its colour.
word_of(i) = system(sprintf("awk -v n=%d 'BEGIN { b = 0; first = 1 } /^$/ { empty++; next } { if (empty >= 2) { b++; first = 1 } empty = 0; if (first && b == n) { print; exit } first = 0 }' '%s'", i, file))
both = "set logscale xy; set xrange [STATS_min_x * 0.8:STATS_max_x * 1.25]; set yrange [STATS_min_y * 0.8:STATS_max_y * 1.3]; if (STATS_max_y / STATS_min_y > 100) { eval 'set ytics (' . few_decades . ')' } else { eval 'set ytics (' . decades . ')' }"

# --- the charts ---

one = "ticks = 5; set terminal svg size 760,340 font 'sans-serif,13' dynamic"
two = "ticks = 3; set terminal svg size 1040,360 font 'sans-serif,13' dynamic"

eval one
file = data . "/start.bars"
set output out . "/startup.svg"
set title "Start-up: the whole run of a COMMAND that does nothing"
unit = "µs"
eval draw_bars

eval one
file = data . "/orphans.bars"
set output out . "/orphans.svg"
set title "CPU time of the init for each orphan, in bursts of 100"
unit = "µs"
eval draw_bars

eval two
set output out . "/signals.svg"
set multiplot layout 1,3
file = data . "/signals-idle.bars"
set title "A signal while idle: median"
unit = "µs"
eval draw_bars
file = data . "/signals-storm.bars"
set title sprintf("In a storm of %d: 99 %%", makers)
unit = "ms"
eval draw_bars
file = data . "/signals.curves"
set title "99 %, by the storm"
across = "processes that make the storm"
unit = "ms"
scale = both
eval draw_curves
unset multiplot

eval two
set output out . "/size.svg"
set multiplot layout 1,2
file = data . "/size.bars"
set title "Size of the binary"
unit = "KB"
eval draw_bars
file = data . "/memory.bars"
set title "Resident while idle, all its processes"
unit = "kB"
eval draw_bars
unset multiplot

eval one
file = data . "/end.bars"
set output out . "/end.svg"
set title sprintf("The end of %d processes that COMMAND left: until the last one is gone", left)
unit = "ms"
eval draw_bars

file = data . "/levels.curves"
set output out . "/levels.svg"
set title "A run at this depth of nested namespaces"
across = "levels"
unit = "ms"
scale = both
eval draw_curves

file = data . "/mounts.curves"
set output out . "/mounts.svg"
set title "A run in a new mount namespace"
across = "mounts of the host"
unit = "ms"
scale = both
eval draw_curves
