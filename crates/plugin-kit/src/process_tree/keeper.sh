# Ends process trees whose owner has died. POSIX sh; see keeper.rs.
#
# Standard input has lines: "+ ID GRACE GROUP TOLD" for a tree, again when it has changed, and "- ID" when it is gone.
# GRACE is in tenths of a second, GROUP is 0 where it is unknown, TOLD is 1 where its processes got TERM. The end of the
# input is the death of the owner.
trap '' HUP INT QUIT TERM USR1 USR2 PIPE ALRM TSTP TTIN TTOU

trees=
while read -r sign id grace group told; do
	rest=
	for tree in $trees; do
		case $tree in
		"$id":*) ;;
		*) rest="$rest $tree" ;;
		esac
	done
	trees=$rest
	[ "$sign" = + ] && trees="$trees $id:$grace:$group:$told"
done

# Sets `parent`, `in_group` and `start` to what the system tells of the process $1. Fails where it tells nothing.
look() {
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	stat=${stat##*) }
	set -- $stat
	in_group=$3
	shift 19
	start=$1
}

# Prints the processes that have the id of the tree in their environment.
marked() {
	(cd /proc 2>/dev/null && grep -lsF -e "$id:" [0-9]*/environ) | while read -r file; do
		echo "${file%/environ}"
	done
}

# Whether the number of the group is still that of the tree: its first process is the same, or gone. A number is not given
# away as long as a process is in the group.
group_is_ours() {
	[ "$group" != 0 ] || return 1
	if look "$group"; then
		[ "$start" = "$born" ]
	else
		kill -0 "-$group" 2>/dev/null
	fi
}

send() {
	processes=$(marked)
	if group_is_ours; then
		kill "-$1" "-$group" 2>/dev/null
		skip=$group
	else
		skip=none
	fi
	for process in $processes; do
		look "$process" && [ "$in_group" = "$skip" ] && continue
		kill "-$1" "$process" 2>/dev/null
	done
}

anything_left() {
	[ -n "$(marked)" ] || { group_is_ours && kill -0 "-$group" 2>/dev/null; }
}

# The longest grace period that a process of the tree has by its environment, if it is longer than $grace.
raise_grace() {
	for process in $(marked); do
		millis=$(tr '\0' '\n' 2>/dev/null <"/proc/$process/environ" |
			sed -n 's/^APSCHEDULER_PROCESS_TREE=.*:\([0-9][0-9]*\)$/\1/p')
		# Longer numbers are no times that anybody waits for.
		case $millis in
		'' | ????????????*) continue ;;
		esac
		[ $((millis / 100)) -gt "$grace" ] && grace=$((millis / 100))
	done
}

tenth() {
	if sleep 0.1 2>/dev/null; then
		waited=$((waited + 1))
	else
		sleep 1
		waited=$((waited + 10))
	fi
}

end() {
	born=
	[ "$group" = 0 ] || { look "$group" && born=$start; }
	anything_left || return
	raise_grace
	[ "$told" = 1 ] || send TERM
	waited=0
	while [ "$waited" -lt "$grace" ]; do
		tenth
		anything_left || return
	done
	# What is in an uninterruptible system call dies later.
	waited=0
	while [ "$waited" -lt 100 ]; do
		send KILL
		tenth
		anything_left || return
	done
}

for tree in $trees; do
	id=${tree%%:*}
	tree=${tree#*:}
	grace=${tree%%:*}
	tree=${tree#*:}
	group=${tree%%:*}
	told=${tree#*:}
	end &
done
wait
