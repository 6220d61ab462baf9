# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# bash completion for mobgw(8)
_mobgw()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words

	case $before in
	--socket | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	case $command in
	show) words="bindings uplinks peers nonces interfaces counters status --json --all --socket --help" ;;
	monitor) words="--json --socket --help" ;;
	handover) words="--auto --json --socket --help $(ls /sys/class/net)" ;;
	check) words="--config --json --help" ;;
	reasons) words="--json --markdown --help" ;;
	esac
	((COMP_CWORD == 1)) && words="show monitor handover check reasons --help --version"
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _mobgw mobgw
