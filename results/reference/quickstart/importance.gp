# Importance of the first token by training step
# Draws importance.csv as importance.svg, importance.png and importance.pdf. By hand, in this folder:
#     gnuplot importance.gp
set encoding utf8
set datafile separator comma
do for [format in 'svg png pdf'] {
if (format eq 'svg') { set terminal svg noenhanced size 720,408 font 'DejaVu Sans,16' background 'white' }
if (format eq 'png') { set terminal pngcairo noenhanced size 1440,816 font 'DejaVu Sans,12' fontscale 2 linewidth 2 pointscale 2 background 'white' }
if (format eq 'pdf') { set terminal pdfcairo noenhanced size 7.500in,4.250in font 'DejaVu Sans,12' fontscale 0.75 linewidth 1.5 pointscale 1.1 background 'white' }
set output 'importance.'.format
set border 3 lw 1 lc rgb '#404040'
set grid lt 1 lw 0.6 lc rgb '#e4e4e4'
set tics out nomirror scale 0.5, 0.25 textcolor rgb '#202020'
unset key
set logscale x 10
set xrange [0.5:1148.07406]
set xtics ('0' 0.5, '1' 1 0, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '10' 10 0, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1, '100' 100 0, '' 200 1, '' 300 1, '' 400 1, '' 500 1, '' 600 1, '' 700 1, '' 800 1, '' 900 1, '1k' 1000 0)
given(c) = strlen(strcol(c)) > 0 ? column(c) : NaN
set multiplot
set arrow from screen 0.11667,0.95588 to screen 0.15833,0.95588 nohead lw 3 dt 1 lc rgb '#0072b2'
set label 'rope' at screen 0.16944,0.95588 left front textcolor rgb '#202020' 
set arrow from screen 0.24533,0.95588 to screen 0.28700,0.95588 nohead lw 3 dt 1 lc rgb '#d55e00'
set label 'alibi' at screen 0.29811,0.95588 left front textcolor rgb '#202020' 
set arrow from screen 0.37111,0.95588 to screen 0.41278,0.95588 nohead lw 3 dt 1 lc rgb '#009e73'
set label 'absolute' at screen 0.42389,0.95588 left front textcolor rgb '#202020' 
set arrow from screen 0.54844,0.95588 to screen 0.59011,0.95588 nohead lw 3 dt 1 lc rgb '#cc79a7'
set label 'nope' at screen 0.60122,0.95588 left front textcolor rgb '#202020' 
set arrow from screen 0.68222,0.95588 to screen 0.72389,0.95588 nohead lw 2 dt (6,5) lc rgb '#808080'
set label 'uniform attention' at screen 0.73500,0.95588 left front textcolor rgb '#202020' 
set lmargin at screen 0.11667
set rmargin at screen 0.52917
set tmargin at screen 0.84314
set bmargin at screen 0.18137
set label 'layer 0' at screen 0.32292,0.87745 center front textcolor rgb '#202020' 
unset logscale y
set yrange [-0.025:1]
set ytics 0.2
set format y '%g'
set label 'training step (logarithmic)' at screen 0.54444,0.03431 center front textcolor rgb '#202020' 
set label 'importance of the first token, α₀' at screen 0.02500,0.51225 center front textcolor rgb '#202020' rotate by 90
plot 'importance.csv' skip 1 index 0 using 4:5 with lines lw 2 dt (6,5) lc rgb '#808080', \
     'importance.csv' skip 1 index 1 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#0072b2', \
     'importance.csv' skip 1 index 2 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#d55e00', \
     'importance.csv' skip 1 index 3 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#009e73', \
     'importance.csv' skip 1 index 4 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#cc79a7', \
     'importance.csv' skip 1 index 1 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#0072b2' pt 7 ps 0.45, \
     'importance.csv' skip 1 index 2 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#d55e00' pt 7 ps 0.45, \
     'importance.csv' skip 1 index 3 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#009e73' pt 7 ps 0.45, \
     'importance.csv' skip 1 index 4 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#cc79a7' pt 7 ps 0.45
unset label
unset arrow
set lmargin at screen 0.55972
set rmargin at screen 0.97222
set tmargin at screen 0.84314
set bmargin at screen 0.18137
set label 'layer 1' at screen 0.76597,0.87745 center front textcolor rgb '#202020' 
unset logscale y
set yrange [-0.025:1]
set ytics 0.2
set format y ''
plot 'importance.csv' skip 1 index 5 using 4:5 with lines lw 2 dt (6,5) lc rgb '#808080', \
     'importance.csv' skip 1 index 6 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#0072b2', \
     'importance.csv' skip 1 index 7 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#d55e00', \
     'importance.csv' skip 1 index 8 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#009e73', \
     'importance.csv' skip 1 index 9 using 4:(given(6)):(given(7)) with filledcurves fs transparent solid 0.18 noborder lc rgb '#cc79a7', \
     'importance.csv' skip 1 index 6 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#0072b2' pt 7 ps 0.45, \
     'importance.csv' skip 1 index 7 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#d55e00' pt 7 ps 0.45, \
     'importance.csv' skip 1 index 8 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#009e73' pt 7 ps 0.45, \
     'importance.csv' skip 1 index 9 using 4:(given(5)) with linespoints lw 3 dt 1 lc rgb '#cc79a7' pt 7 ps 0.45
unset label
unset arrow
unset multiplot
unset output
}
