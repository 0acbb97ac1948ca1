#!/bin/sh
# endings.sh MEGABUDDY PROBE ICONIFY: what a window leaves behind when it is closed, by Esc or by a
# signal: the path that was being recorded, what is in RAM, the timeline; what its settings say; what L
# says; and that it rests while it is minimised. 77 (skipped) where there is no display.
program=$1 probe=$2 iconify=$3
. "$(dirname "$0")/window.sh"

# keeps_the_path: one was written, stdout says where, and it can be flown.
keeps_the_path()
{
    path=$(echo megabuddy-*.path)
    [ -s "$path" ] || fail "$1 loses the path that is being recorded"
    grep -q "^$path: " stdout || fail "$1 does not say where the path is: $(cat stdout)"
    "$program" view world.mega --headless --frames 1 --size 64x36 --path "$path" 2>said ||
        fail "$1 keeps a path that is none: $(cat said)"
    rm -f megabuddy-*.path
}

"$program" bake --synthetic --width 512 -o 'our "world".mega' -q || exit 1
cp 'our "world".mega' world.mega
printf '0 0 60 0 20 -25\n36000 0 60 0 20 -25\n' >still.path
window_display 640x400

# By Esc, while a path is recorded: it is kept.
window_start 'our "world".mega' --size 320x200 --path still.path
window_key r
window_becomes recording 1
window_hold 10 w

# Settings name the world and the path that the command line named, in a picture too, so that they are
# enough to see the same.
window_key F5 p
settings=$(echo megabuddy-*.conf)
grep -q '^ *source = "our \\"world\\".mega";' "$settings" || fail "F5: $(grep source "$settings")"
grep -q '^ *path = "still.path";' "$settings" || fail "F5: $(grep path "$settings")"
grep -qa 'source = "our \\"world\\".mega";' megabuddy-*.png || fail "P: no world in the settings"
"$program" view --config "$settings" --headless --frames 1 --size 64x36 2>said ||
    fail "its own settings are refused: $(cat said)"

# It loops from the beginning, and L ends that.
window_key t
window_is looping 1 || fail "does not loop at first"
window_key l
window_is looping 0 || fail "L does not end the loop"
window_says 'flown once' || fail "L says: $(grep '^says' "$layout")"
window_key l
window_says 'again and again' || fail "L says: $(grep '^says' "$layout")"

# Minimised it draws nothing, and goes on when it is back.
"$iconify" "$window" 1 || fail "cannot be minimised"
rests()
{
    last=$frame
    frame=$(window_state frame)
    [ "$frame" = "$last" ]
}
frame=none
await rests || fail "draws on while it is minimised"
xdotool key --window "$window" n n n n n n n n # what comes meanwhile ends no rest
rests || fail "draws while it is minimised"
"$iconify" "$window" 0
window_frames 3
"$iconify" "$window" 1
await rests || fail "draws on when it is minimised again"
window_close
keeps_the_path Esc

# By a signal, seen or minimised: the same, and what is in RAM and the timeline.
signals='INT TERM'
case $(awk '/^SigIgn/ { print $2 }' /proc/self/status) in
*[13579bdf]) ;; # nohup has SIGHUP ignored, by us and by the viewer
*) signals="$signals HUP" ;;
esac
for signal in $signals; do
    rm -f ram.suspend t.json
    window_start world.mega --size 320x200 --set ram.suspend=ram.suspend --trace t.json
    window_key r
    window_becomes recording 1
    window_hold 10 w
    if [ $signal = TERM ]; then
        "$iconify" "$window" 1
        frame=none
        await rests || fail "draws on while it is minimised"
    fi
    kill -$signal "$viewer"
    window_ends || fail "goes on after SIG$signal"
    [ "$code" -eq 0 ] || fail "exit code $code after SIG$signal"
    [ ! -s stderr ] || fail "spoke on stderr after SIG$signal"
    keeps_the_path SIG$signal
    [ -s ram.suspend ] || fail "SIG$signal loses what was in RAM"
    tail -c 40 t.json | grep -q '"otherData".*}}' || fail "SIG$signal leaves half a timeline"
done

