# bash completion for amazon-cloudwatch-agent-ctl: actions, modes, and the files after file:
_amazon_cloudwatch_agent_ctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  # : and = divide words here, so that file:/etc is three of them.
  case $before in
    :) COMPREPLY=($(compgen -f -- "$word")); compopt -o filenames; return ;;
    -a) COMPREPLY=($(compgen -W "fetch-config append-config remove-config start stop status status-with-workloads set-log-level set-env" -- "$word")); return ;;
    -m) COMPREPLY=($(compgen -W "auto ec2 onPremise" -- "$word")); return ;;
    -l) COMPREPLY=($(compgen -W "DEBUG INFO WARN ERROR OFF" -- "$word")); return ;;
    -c) COMPREPLY=($(compgen -W "default all file: ssm:" -- "$word")); compopt -o nospace; return ;;
    --root | --state) COMPREPLY=($(compgen -d -- "$word")); compopt -o filenames; return ;;
  esac
  if [[ $word == : ]]; then # the cursor is right behind file:
    COMPREPLY=($(compgen -f /)); compopt -o filenames; return
  fi
  COMPREPLY=($(compgen -W "-a -m -c -s -l -e -d -h --json --root --state" -- "$word"))
}
complete -F _amazon_cloudwatch_agent_ctl amazon-cloudwatch-agent-ctl
