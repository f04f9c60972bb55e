# fish completion of edgectl, which answers itself what may come next.

complete -c edgectl -f -a '(edgectl __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
complete -c edgectl -n '__fish_seen_subcommand_from enroll-batch' -F
