# The pictures of results.md: gnuplot -e "data = '...'; out = '...'; makers = ..." bench/plot.gp
# No background, and middle tones: readable on white and on black.

grey = "#7d8590"
set border 0
set tics nomirror scale 0 textcolor rgb grey
set title textcolor rgb grey
set xlabel textcolor rgb grey
set key textcolor rgb grey noenhanced
set style fill solid 1 noborder
set datafile separator "\t"

# --- bars: rows of place, value, name; nsinit's in a colour of its own ---

colour(name) = name[1:6] eq "nsinit" ? 0x2f81f7 : 0xa0784e
show(x) = x >= 100 || x == int(x) ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x)
low = 0
from(x) = x > low ? x : low
plain = "unset logscale; set xrange [*:*]; set yrange [*:*]; set format x '%g'; stats file using 1 nooutput; "
draw_bars = plain . "eval scale; unset key; set offsets 0, graph 0.1, 0, 0; \
	set grid noytics xtics linecolor rgb grey linewidth 0.3; \
	set xrange [low:*]; set yrange [STATS_max + 0.5:-0.6]; \
	plot file using (low):1:(low):(from($2)):($1 - 0.36):($1 + 0.36):(colour(strcol(3))):ytic(3) with boxxyerror linecolor rgb variable, \
	file using (from($2)):1:(show($2)) with labels left offset 0.5,0 textcolor rgb grey noenhanced"

# --- curves: a block for each contender, its name first ---

hue(i) = word("#2f81f7 #c9510c #a371f7 #2da44e #bf8700 #58a6a6 #d1477a #6e7681 #9a6700 #3fb0ff", i + 1)
draw_curves = plain . "eval scale; set key outside right top reverse Left samplen 2 spacing 1.2; \
	set grid ytics xtics linecolor rgb grey linewidth 0.3; set offsets 0, 0, graph 0.05, 0; \
	plot for [i = 0:STATS_blocks - 1] file index i using 1:2 with linespoints linecolor rgb hue(i) linewidth 2 \
	pointtype 7 pointsize 0.5 title columnheader(1)"

# --- the pictures ---

low_terminal = "set terminal svg size 760,340 font 'sans-serif,13' dynamic"
wide_terminal = "set terminal svg size 960,380 font 'sans-serif,13' dynamic"

eval low_terminal
scale = ""
file = data . "/start.bars"
set output out . "/startup.svg"
set title "Start-up: the whole run of a COMMAND that does nothing, µs"
eval draw_bars

eval wide_terminal
set output out . "/orphans.svg"
set multiplot layout 1,2
file = data . "/orphans.bars"
set title "CPU of the init for each orphan, µs"
eval draw_bars
file = data . "/orphans.curves"
set title "… by the number of orphans"
scale = "set logscale x"
eval draw_curves
unset multiplot

eval low_terminal
scale = ""
file = data . "/zombies.bars"
set output out . "/zombies.svg"
set title "Zombies at their peak: bursts of 100 orphans, all on one processor"
eval draw_bars

eval wide_terminal
set output out . "/signals.svg"
set multiplot layout 1,2
file = data . "/signals.bars"
set title sprintf("A signal amid a storm that %d make: 99 %% arrive within, ms", makers)
eval draw_bars
file = data . "/signals.curves"
set title "… by how many make the storm"
scale = "set logscale xy"
eval draw_curves
unset multiplot

set output out . "/size.svg"
set multiplot layout 1,2
scale = "set logscale x"
low = 1
file = data . "/size.bars"
set title "Size of the binary, KB"
eval draw_bars
file = data . "/memory.bars"
set title "Resident while idle, kB"
eval draw_bars
unset multiplot

eval low_terminal
scale = "set logscale xy"
file = data . "/end.curves"
set output out . "/end.svg"
set title "The end: ms until the last process is gone, by how many are left behind"
eval draw_curves

file = data . "/levels.curves"
set output out . "/levels.svg"
set title "A run so many namespaces deep, µs"
eval draw_curves

scale = ""
file = data . "/mounts.curves"
set output out . "/mounts.svg"
set title "A run in a new mount namespace, µs, by the mounts of the host"
eval draw_curves
