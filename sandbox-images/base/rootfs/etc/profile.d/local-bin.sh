# A login shell begins with a PATH of its own. What is installed without root is found there, too.
case ":$PATH:" in
  *":$HOME/.local/bin:"*) ;;
  *) PATH="$HOME/.local/bin:$PATH" ;;
esac
