using System.CommandLine;

namespace Memstore.Server.CommandLine;

/// <summary>completion: prints what a shell has to run to complete this program's commands and options.</summary>
// The scripts ask the program itself, with the [suggest] directive of System.CommandLine: position, then the line without the program's name.
internal static class CompletionCommand
{
    private const string Bash = """
        _memstore_complete() {
          local line=${COMP_LINE#*"${COMP_WORDS[0]}"}
          local cut=$(( ${#COMP_LINE} - ${#line} ))
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:$(( COMP_POINT - cut ))]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _memstore_complete memstore
        """;

    private const string Zsh = """
        _memstore_complete() {
          local line=${BUFFER#*${words[1]}}
          local -a found
          found=("${(@f)$(${words[1]} "[suggest:$(( CURSOR - ${#BUFFER} + ${#line} ))]" "$line" 2>/dev/null)}")
          if [[ -n $found ]]; then compadd -- $found; else _files; fi
        }
        compdef _memstore_complete memstore
        """;

    private const string Fish = """
        function __memstore_complete
          set -l line (commandline -cp | string replace -r '^\s*\S+' '')
          memstore "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c memstore -a '(__memstore_complete)'
        """;

    private const string Pwsh = """
        Register-ArgumentCompleter -Native -CommandName memstore -ScriptBlock {
          param($word, $ast, $cursor)
          $name = $ast.CommandElements[0].Extent
          $line = $ast.ToString().Substring($name.EndOffset - $ast.Extent.StartOffset)
          $at = [Math]::Max(0, [Math]::Min($line.Length + 1, $cursor - $name.EndOffset))
          memstore "[suggest:$at]" $line.PadRight($at) 2>$null | Where-Object { $_ -like "$word*" } | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
          }
        }
        """;

    private static readonly Dictionary<string, string> Scripts = new() { ["bash"] = Bash, ["zsh"] = Zsh, ["fish"] = Fish, ["pwsh"] = Pwsh };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh, fish or pwsh.", HelpName = "shell" };
        shell.CompletionSources.Add([.. Scripts.Keys]);
        var command = new Command("completion", "Prints what a shell has to run to complete commands and options.");
        command.Arguments.Add(shell);
        command.SetAction(parsed =>
        {
            var name = parsed.GetRequiredValue(shell);
            if (!Scripts.TryGetValue(name, out var script)) return MemstoreCommand.Fail($"completion {name}: one of {string.Join(", ", Scripts.Keys)} is expected.");
            Console.WriteLine(script);
            return MemstoreCommand.Good;
        });
        return command;
    }
}
