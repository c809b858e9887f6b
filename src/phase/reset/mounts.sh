set +e
unmount_left
:
