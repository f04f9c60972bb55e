"""For states of other programs, which send no event here."""
import select


def wait_for(condition, within_s, told):
    """Until `condition` holds. `told` says what is wrong when it does not come."""
    never = select.poll()
    for _ in range(int(within_s * 20)):
        if condition():
            return
        never.poll(50)
    raise TimeoutError(f"waited {within_s} s: {told()}")
