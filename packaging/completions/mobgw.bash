# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# bash completion for mobgw(8)
_mobgw()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words

	case $before in
	--socket | --config | --output)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--suite)
		mapfile -t COMPREPLY < <(compgen -W "aes{128,256}-{gcm,sha256,sha1}" -- "$word")
		return
		;;
	esac
	case $command in
	show) words="bindings uplinks peers nonces ipsec interfaces counters status --json --all --socket --help" ;;
	monitor) words="--json --socket --help" ;;
	handover) words="--auto --json --socket --help $(ls /sys/class/net)" ;;
	check) words="--config --json --help" ;;
	reasons) words="--json --markdown --help" ;;
	keys)
		words="generate check --suite --output --auth-option --json --help"
		[ "${COMP_WORDS[2]}" = check ] && words="--auth-option --json $(compgen -f -- "$word")"
		;;
	esac
	((COMP_CWORD == 1)) && words="show monitor handover check reasons keys --help --version"
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _mobgw mobgw
