# Every setuid and setgid program, asked by the loader for whom it runs. A program that gained anything is in secure
# mode, where the loader answers nothing.
find / -xdev -type f -perm /6000 2>/dev/null | while read -r file; do
  answer=$(LD_SHOW_AUXV=1 LD_TRACE_LOADED_OBJECTS=1 "$file" </dev/null 2>/dev/null | grep -E 'AT_(EUID|EGID|SECURE)' | tr -d ' \t\n')
  echo "$file $answer"
done
